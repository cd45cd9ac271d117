using System.CommandLine;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Proxy;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Cli.Commands;

/// <summary>
/// <c>nitro vsock-proxy</c>: the parent's end of an enclave's way to servers. With AWS's arguments it leads to one server; with
/// <c>--connect</c> the enclave says where it wants to go.
/// </summary>
static class VsockProxyCommand
{
    public static Command Create()
    {
        var localPort = new Argument<uint?>("local_port") { Description = "The vsock port of the parent to listen at.", Arity = ArgumentArity.ZeroOrOne };
        var address = new Argument<string?>("remote_addr") { Description = "The server: a name or an address.", Arity = ArgumentArity.ZeroOrOne };
        var remotePort = new Argument<ushort?>("remote_port") { Description = "The server's TCP port.", Arity = ArgumentArity.ZeroOrOne };
        var config = new Option<string>("--config") { HelpName = "FILE", Description = "The allowlist (YAML), on which the server has to be.", DefaultValueFactory = _ => ProxyAllowlistFile.DefaultPath };
        var ipv4 = new Option<bool>("--ipv4", "-4") { Description = "Reach the server over IPv4 only." };
        var ipv6 = new Option<bool>("--ipv6", "-6") { Description = "Reach the server over IPv6 only." };
        var workers = new Option<uint>("--num_workers", "-w") { HelpName = "N", Description = "Accepted for vsock-proxy's sake: here no connection waits for another.", DefaultValueFactory = _ => 4 };
        var connections = new Option<int>("--max-connections") { HelpName = "N", Description = "How many connections may be open at once.", DefaultValueFactory = _ => VsockOptions.Default.MaxConnections };
        var connect = new Option<bool>("--connect") { Description = "Serve HTTP's CONNECT instead: the enclave says where it wants to go." };
        var allow = new Option<string[]>("--allow") { HelpName = "HOST[:PORT]", Description = "A server that may be reached, in place of --config: name, *.name, address or range; port 443 unless given. May be repeated." };
        var port = new Option<uint>("--port") { HelpName = "PORT", Description = "With --connect: the vsock port of the parent to listen at (default: 8000).", DefaultValueFactory = _ => OutboundProxy.DefaultPort };
        var command = new Command("vsock-proxy", "Lead enclaves to the servers of an allowlist; TLS stays between the two.")
        {
            localPort, address, remotePort, config, ipv4, ipv6, workers, connections, connect, allow, port,
        };
        command.Validators.Add(result =>
        {
            var given = result.GetResult(remotePort) is { Tokens.Count: > 0 };
            if (given == result.GetValue(connect))
            {
                result.AddError(given ? "--connect excludes a server: the enclave names it." : "Give local_port, remote_addr and remote_port, or --connect.");
            }

            if (result.GetValue(ipv4) && result.GetValue(ipv6))
            {
                result.AddError("--ipv4 and --ipv6 exclude each other.");
            }

            if (result.GetResult(workers) is { Implicit: false } && result.GetValue(workers) == 0)
            {
                result.AddError("Number of workers must not be 0.");
            }
        });
        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(async () =>
        {
            var options = new ConnectProxyOptions
            {
                Allowlist = ReadAllowlist(parsed.GetValue(allow) ?? [], parsed.GetRequiredValue(config)),
                AddressFamily = parsed.GetValue(ipv4) ? AddressFamily.InterNetwork : parsed.GetValue(ipv6) ? AddressFamily.InterNetworkV6 : AddressFamily.Unspecified,
                Log = Console.Error.WriteLine,
            };
            var most = parsed.GetValue(connections);
            if (parsed.GetValue(connect))
            {
                await ServeAsync(parsed.GetValue(port), most, "Enclaves reach the servers of the allowlist", new ConnectProxy(options).ServeAsync, cancellationToken);
            }
            else
            {
                var target = ParseTarget(parsed.GetValue(address)!, parsed.GetValue(remotePort)!.Value);
                var proxy = options.Allowlist.Allows(target) ? new ForwardProxy(target, options)
                    : throw new CommandFailure(3, $"Error at checking the allowlist: The given address and port are not allowed: {target} is not on it. Add it to {parsed.GetValue(config)}, or give --allow.");
                await ServeAsync(parsed.GetValue(localPort)!.Value, most, $"Enclaves reach {target}", proxy.ServeAsync, cancellationToken);
            }

            return ExitCodes.Success;
        }));
        return command;
    }

    static ProxyAllowlist ReadAllowlist(string[] allowed, string path)
    {
        try
        {
            return allowed.Length > 0 ? ProxyAllowlist.Parse(allowed) : ProxyAllowlistFile.Load(path);
        }
        catch (FormatException exception)
        {
            throw new CommandFailure(3, exception.Message);
        }
    }

    static ProxyTarget ParseTarget(string address, ushort port)
    {
        var host = address.Contains(':', StringComparison.Ordinal) && !address.StartsWith('[') ? $"[{address}]" : address;
        return ProxyTarget.TryParse($"{host}:{port}", out var target)
            ? target
            : throw new CommandFailure(3, $"'{address}' and {port} are no server: give a name or an address, and a TCP port above 0.");
    }

    static async Task ServeAsync(
        uint port, int connections, string purpose, Func<VsockListener, CancellationToken, Task> serve, CancellationToken cancellationToken)
    {
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
            MaxConnections = connections,
            // The proxy has limits of its own.
            ReadTimeout = Timeout.InfiniteTimeSpan,
            WriteTimeout = Timeout.InfiniteTimeSpan,
        });
        await Console.Error.WriteLineAsync($"{purpose} through vsock port {port} of their parent.");
        await serve(listener, end.Token);
    }
}
