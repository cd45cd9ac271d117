using System.CommandLine;
using System.Runtime.InteropServices;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Proxy;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro vsock-proxy --connect</c>: the parent's end of an enclave's way to the servers of an allowlist.</summary>
static class VsockProxyCommand
{
    public static Command Create()
    {
        var connect = new Option<bool>("--connect") { Required = true, Description = "Serve HTTP's CONNECT: the enclave says where it wants to go. The only mode so far." };
        var allow = new Option<string[]>("--allow") { Required = true, HelpName = "HOST[:PORT]", Description = "A server that may be reached: name, *.name, address or range; port 443 unless given. May be repeated.", AllowMultipleArgumentsPerToken = true };
        var port = new Option<uint>("--port") { HelpName = "PORT", Description = "The vsock port of the parent to listen at (default: 8000).", DefaultValueFactory = _ => OutboundProxy.DefaultPort };
        var command = new Command("vsock-proxy", "Lead enclaves to the servers of an allowlist; TLS stays between the two.") { connect, allow, port };
        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(async () =>
        {
            await ServeAsync(parsed.GetRequiredValue(allow), parsed.GetValue(port), cancellationToken);
            return ExitCodes.Success;
        }));
        return command;
    }

    static async Task ServeAsync(string[] allowed, uint port, CancellationToken cancellationToken)
    {
        ProxyAllowlist allowlist;
        try
        {
            allowlist = ProxyAllowlist.Parse(allowed);
        }
        catch (FormatException exception)
        {
            throw new CommandFailure(3, exception.Message);
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            end.Cancel();
        });

        // Emulated enclaves of the registry, and real ones where this is a parent that can have some.
        var emulated = new EnclaveVsockResolver(new EnclaveRegistry());
        IVsockResolver[] resolvers = File.Exists("/dev/nitro_enclaves") ? [emulated, VsockResolver.Native] : [emulated];
        using var listener = VsockListener.Listen(port, new VsockOptions
        {
            Resolvers = resolvers,
            ReadTimeout = Timeout.InfiniteTimeSpan,
            WriteTimeout = Timeout.InfiniteTimeSpan,
        });
        await Console.Error.WriteLineAsync($"Enclaves reach {string.Join(", ", allowed)} through vsock port {port} of their parent.");
        var proxy = new ConnectProxy(new ConnectProxyOptions { Allowlist = allowlist, Log = Console.Error.WriteLine });
        await proxy.ServeAsync(listener, end.Token);
    }
}
