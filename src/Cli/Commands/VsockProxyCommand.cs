using System.CommandLine;
using System.Net.Sockets;
using NitroEnclaves.Cli.Proxying;
using NitroEnclaves.Proxy;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Cli.Commands;

/// <summary>
/// <c>nitro vsock-proxy</c>: the parent's end of an enclave's way to servers. With AWS's arguments it leads to one server; with
/// <c>--connect</c> the enclave says where it wants to go.
/// </summary>
static class VsockProxyCommand
{
    /// <summary>The verb.</summary>
    public const string Name = "vsock-proxy";

    const double LongestSeconds = 86400;
    const double ConnectIdleSeconds = 600;

    public static Command Create()
    {
        var localPort = new Argument<uint?>("local_port") { Description = "The vsock port of the parent to listen at.", Arity = ArgumentArity.ZeroOrOne };
        var address = new Argument<string?>("remote_addr") { Description = "The server: a name or an address. {region} in it becomes the instance's AWS region.", Arity = ArgumentArity.ZeroOrOne };
        var remotePort = new Argument<ushort?>("remote_port") { Description = "The server's TCP port.", Arity = ArgumentArity.ZeroOrOne };
        var config = new Option<string>("--config") { HelpName = "FILE", Description = "The allowlist (YAML), on which the server has to be. SIGHUP has it read anew.", DefaultValueFactory = _ => ProxyAllowlistFile.DefaultPath };
        var ipv4 = new Option<bool>("--ipv4", "-4") { Description = "Reach the server over IPv4 only." };
        var ipv6 = new Option<bool>("--ipv6", "-6") { Description = "Reach the server over IPv6 only." };
        var workers = new Option<uint>("--num_workers", "-w") { HelpName = "N", Description = "Accepted for vsock-proxy's sake: here no connection waits for another.", DefaultValueFactory = _ => 4 };
        var connections = new Option<int>("--max-connections") { HelpName = "N", Description = "How many connections may be open at once; others wait.", DefaultValueFactory = _ => VsockOptions.Default.MaxConnections };
        var connectTimeout = new Option<double>("--connect-timeout") { HelpName = "SECONDS", Description = "How long resolving and connecting may take.", DefaultValueFactory = _ => 10 };
        var idleTimeout = new Option<double?>("--idle-timeout") { HelpName = "SECONDS", Description = "How long a connection may rest; 0 for ever (default: 0, with --connect 600)." };
        var drainTimeout = new Option<double>("--drain-timeout") { HelpName = "SECONDS", Description = "How long open connections may go on at the end (SIGTERM, SIGINT); a second signal ends them.", DefaultValueFactory = _ => 5 };
        var connect = new Option<bool>("--connect") { Description = "Serve HTTP's CONNECT instead: the enclave says where it wants to go." };
        var allow = new Option<string[]>("--allow") { HelpName = "HOST[:PORT]", Description = "A server that may be reached, in place of --config: name, *.name, address or range; port 443 unless given. May be repeated." };
        var port = new Option<uint>("--port") { HelpName = "PORT", Description = "With --connect: the vsock port of the parent to listen at.", DefaultValueFactory = _ => OutboundProxy.DefaultPort };
        var command = new Command(Name, "Lead enclaves to the servers of an allowlist; TLS stays between the two.")
        {
            localPort, address, remotePort, config, ipv4, ipv6, workers, connections, connectTimeout, idleTimeout, drainTimeout, connect, allow, port,
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

            // Defaults are not there yet.
            if (result.GetResult(connections) is { Implicit: false } && result.GetValue(connections) < 1)
            {
                result.AddError("--max-connections is 1 or more.");
            }

            if ((result.GetResult(connectTimeout) is { Implicit: false } && result.GetValue(connectTimeout) is not (> 0 and <= LongestSeconds))
                || result.GetValue(idleTimeout) is not (null or (>= 0 and <= LongestSeconds)) || result.GetValue(drainTimeout) is not (>= 0 and <= LongestSeconds))
            {
                result.AddError($"A time-out is 0 to {LongestSeconds:0} seconds, that of connecting more than 0.");
            }
        });
        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(async () =>
        {
            var isConnect = parsed.GetValue(connect);
            var idle = parsed.GetValue(idleTimeout) ?? (isConnect ? ConnectIdleSeconds : 0);
            using var allowlist = ReloadedAllowlist.Read(parsed.GetValue(allow) ?? [], parsed.GetRequiredValue(config));
            var options = new ConnectProxyOptions
            {
                Allowlist = allowlist.Current,
                CurrentAllowlist = () => allowlist.Current,
                AddressFamily = parsed.GetValue(ipv4) ? AddressFamily.InterNetwork : parsed.GetValue(ipv6) ? AddressFamily.InterNetworkV6 : AddressFamily.Unspecified,
                ConnectTimeout = TimeSpan.FromSeconds(parsed.GetValue(connectTimeout)),
                IdleTimeout = idle == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(idle),
                DrainTimeout = TimeSpan.FromSeconds(parsed.GetValue(drainTimeout)),
                Log = Console.Error.WriteLine,
            };
            var most = parsed.GetValue(connections);
            if (isConnect)
            {
                await ProxyService.RunAsync(parsed.GetValue(port), most, "Enclaves reach the servers of the allowlist", new ConnectProxy(options).ServeAsync, cancellationToken);
                return ExitCodes.Success;
            }

            var target = await FindTargetAsync(parsed.GetValue(address)!, parsed.GetValue(remotePort)!.Value, cancellationToken);
            var proxy = await ForwardProxy.CreateAsync(target, options, cancellationToken)
                ?? throw new CommandFailure(3, $"Error at checking the allowlist: The given address and port are not allowed: {target} is not on it. Add it to {parsed.GetValue(config)}, or give --allow.");
            // A list that is read anew and has not got the server any more ends the proxy: it has nothing left to do.
            using var gone = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var refused = false;
            allowlist.Changed = async current =>
            {
                if (await ForwardProxy.CreateAsync(target, options with { Allowlist = current }, CancellationToken.None) is null)
                {
                    refused = true;
                    await gone.CancelAsync();
                }
            };
            await ProxyService.RunAsync(parsed.GetValue(localPort)!.Value, most, $"Enclaves reach {target}", proxy.ServeAsync, gone.Token);
            return refused ? throw new CommandFailure(3, $"{target} is not on the allowlist any more.") : ExitCodes.Success;
        }));
        return command;
    }

    static async Task<ProxyTarget> FindTargetAsync(string address, ushort port, CancellationToken cancellationToken)
    {
        if (address.Contains(InstanceRegion.Placeholder, StringComparison.Ordinal))
        {
            address = address.Replace(InstanceRegion.Placeholder, await InstanceRegion.FindAsync(cancellationToken), StringComparison.Ordinal);
        }

        var host = address.Contains(':', StringComparison.Ordinal) && !address.StartsWith('[') ? $"[{address}]" : address;
        return ProxyTarget.TryParse($"{host}:{port}", out var target)
            ? target
            : throw new CommandFailure(3, $"'{address}' and {port} are no server: give a name or an address, and a TCP port above 0.");
    }
}
