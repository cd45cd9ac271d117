using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Hosting;

/// <summary>Adds the enclave to a service's container.</summary>
public static class NitroEnclaveServiceCollectionExtensions
{
    /// <summary>The name of the health check.</summary>
    public const string HealthCheckName = "nitro-enclave";

    /// <summary>
    /// Adds an <see cref="NsmClient"/> and an <see cref="EnclaveGuard"/>, which looks at the enclave before any other part of the service
    /// starts and stops the start where a rule that refuses is broken; and a health check named <see cref="HealthCheckName"/>, degraded
    /// while a reported rule is broken and unhealthy while another is, which never waits for the NSM. The <see cref="AttestedCertificateSource"/> of
    /// <c>UseAttestedHttps</c> is made when it is first used.
    /// </summary>
    /// <param name="services">The container being filled. An <see cref="NsmClient"/> that is there already is used.</param>
    /// <param name="configure">Changes the options; null leaves the defaults. They are validated when the service starts.</param>
    public static IServiceCollection AddNitroEnclave(this IServiceCollection services, Action<NitroEnclaveOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (configure is not null)
        {
            services.Configure(configure);
        }

        return Add(services);
    }

    /// <summary>
    /// Does what <see cref="AddNitroEnclave(IServiceCollection, Action{NitroEnclaveOptions}?)"/> does, with the options of a section of the
    /// configuration: <c>{ "NsmPath": "/dev/nsm", "CertificateRenewal": "00:30", "Guard": { "ClockSource": "Refuse" } }</c>, rules and actions by name.
    /// </summary>
    /// <param name="services">The container being filled.</param>
    /// <param name="section">The section. What is no option, no rule or no action keeps the service from starting.</param>
    public static IServiceCollection AddNitroEnclave(this IServiceCollection services, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(section);
        services.AddSingleton<IConfigureOptions<NitroEnclaveOptions>>(new NitroEnclaveConfiguration(section));
        return Add(services);
    }

    static IServiceCollection Add(IServiceCollection services)
    {
        HomeFolder.Ensure();
        services.AddOptions<NitroEnclaveOptions>().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<NitroEnclaveOptions>, NitroEnclaveOptionsValidator>());
        services.TryAddSingleton(provider => NsmClient.Open(Options(provider).NsmPath));
        // The client is opened by the check: an enclave without an NSM is a finding of the guard's.
        services.TryAddSingleton(provider => new EnclaveGuard(
            Options(provider).Guard, Options(provider).NsmPath, new EnclaveSurroundings(), provider.GetRequiredService<NsmClient>));
        services.TryAddSingleton(provider => new AttestedCertificateSource(provider.GetRequiredService<NsmClient>(), Options(provider).CertificateRenewal));
        services.TryAddSingleton<EnclaveGuardService>();
        services.AddHostedService(provider => provider.GetRequiredService<EnclaveGuardService>());
        services.AddHealthChecks().AddCheck<EnclaveHealthCheck>(HealthCheckName);
        return services;
    }

    static NitroEnclaveOptions Options(IServiceProvider provider) => provider.GetRequiredService<IOptions<NitroEnclaveOptions>>().Value;
}
