using System.CommandLine;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Serve;

// As nitro's: something that the command line names cannot be used; it was wrong.
const int Failed = 1;
const int Misuse = 2;

// The background process of an enclave that this program starts.
if (args is [EnclaveProcess.Verb, ..])
{
    return await EnclaveProcess.RunAsync();
}

var socket = new Option<string?>("--socket") { HelpName = "PATH", Description = "The Unix socket to listen at, for this user alone (default: serve.http in the registry's folder)." };
var group = new Option<bool>("--group-access") { Description = "Let the members of this process's group reach the socket too: they command all of this user's enclaves." };
var engine = new Option<string>("--engine") { HelpName = "NAME", Description = "What runs the enclaves of requests that do not say: auto, nitro, qemu or process.", DefaultValueFactory = _ => "auto" };
var command = new RootCommand("Serve this user's enclaves over HTTP on a Unix socket: run, describe, terminate, consoles, events, metrics.") { socket, group, engine };
command.SetAction(async (parsed, cancellationToken) =>
{
    try
    {
        var registry = new EnclaveRegistry();
        var path = parsed.GetValue(socket) ?? Path.Combine(registry.FolderPath, "serve.http");
        await using var server = await EnclaveServer.StartAsync(
            new EnclaveServerOptions
            {
                SocketPath = path,
                GroupAccess = parsed.GetValue(group),
                Engine = RunRequest.ParseEngine(parsed.GetValue(engine)!),
                Registry = registry,
                Launcher = EnclaveLauncher.ForThisProgram(),
            },
            cancellationToken);
        using var export = OpenTelemetryExport.Start();
        await Console.Error.WriteLineAsync($"Listening at {path}. Try: curl --unix-socket {path} http://nitro/v1/enclaves");
        await server.WaitForShutdownAsync();
        return 0;
    }
    catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or EnclaveException)
    {
        await Console.Error.WriteLineAsync($"error: {exception.Message}");
        return Failed;
    }
});

var line = command.Parse(args);
if (line.Errors.Count > 0)
{
    foreach (var error in line.Errors)
    {
        Console.Error.WriteLine($"error: {error.Message}");
    }

    Console.Error.WriteLine("For the flags: nitro serve --help");
    return Misuse;
}

return await line.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
