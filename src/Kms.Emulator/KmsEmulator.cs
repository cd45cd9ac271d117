using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using NitroEnclaves.Vsock.AspNetCore;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>
/// A local stand-in for AWS KMS: the five operations that answer to enclaves, and what is needed to prepare them (CreateKey, DescribeKey,
/// ListKeys, GetPublicKey, Encrypt). It verifies attestation documents, evaluates the <c>kms:RecipientAttestation:*</c> conditions of key
/// policies and answers with real envelopes, so a program in an emulated enclave meets here what it will meet at AWS.
/// </summary>
/// <remarks>
/// <para>
/// It is not KMS, and protects nothing: keys are in this process's memory, signatures of requests are not checked, and there are no grants,
/// no IAM policies, no aliases, no rotation. A principal in a key policy is compared with <see cref="KmsEmulatorOptions.Callers"/> alone. The
/// error for a refused document is ValidationException; which one AWS's KMS gives is not published.
/// </para>
/// <para>Requests have at most 1 MiB. Instances serve any number of requests at once.</para>
/// </remarks>
public sealed class KmsEmulator : IAsyncDisposable
{
    const int MaximumRequest = 1024 * 1024;

    readonly WebApplication _application;
    readonly KmsService _service;

    KmsEmulator(WebApplication application, KmsService service)
    {
        _application = application;
        _service = service;
        var address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses
            .FirstOrDefault(address => address.StartsWith("http://127.", StringComparison.Ordinal));
        Address = address is null ? null : new Uri(address);
    }

    /// <summary>The address on loopback, for the SDK's <c>ServiceURL</c>; null where it does not listen there.</summary>
    public Uri? Address { get; }

    /// <summary>Starts to listen.</summary>
    /// <param name="options">What to listen at, trust and keep.</param>
    /// <param name="cancellationToken">Gives the start up.</param>
    /// <exception cref="ArgumentException">There is no root among the options, or nothing to listen at.</exception>
    /// <exception cref="IOException">A port is taken, or the file of keys cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file of keys has something else.</exception>
    /// <exception cref="UnauthorizedAccessException">Others can read the file of keys.</exception>
    public static async Task<KmsEmulator> StartAsync(KmsEmulatorOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.HttpPort is null && options.VsockPort is null)
        {
            throw new ArgumentException("The emulator has nothing to listen at.", nameof(options));
        }

        var service = new KmsService(options);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.UseVsock(vsock => vsock.Vsock = options.Vsock);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaximumRequest;
            if (options.HttpPort is { } port)
            {
                kestrel.Listen(System.Net.IPAddress.Loopback, port);
            }

            if (options.VsockPort is { } vsockPort)
            {
                kestrel.ListenVsock(vsockPort);
            }
        });
        var application = builder.Build();
        try
        {
            application.Run(new KmsHttpEndpoint(service, options).HandleAsync);
            await application.StartAsync(cancellationToken).ConfigureAwait(false);
            return new KmsEmulator(application, service);
        }
        catch
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Creates a symmetric key with a key policy, as the operation CreateKey does.</summary>
    /// <param name="policy">The policy, JSON.</param>
    /// <returns>The key's ARN.</returns>
    /// <exception cref="ArgumentException">The policy is malformed, or says something that the emulator cannot judge.</exception>
    public string CreateKey(string policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        try
        {
            return _service.CreateKey(policy);
        }
        catch (KmsErrorException exception)
        {
            throw new ArgumentException(exception.Message, nameof(policy), exception);
        }
    }

    /// <summary>Stops to listen and forgets the keys that are in no file.</summary>
    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync().ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
    }
}
