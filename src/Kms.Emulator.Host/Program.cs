using System.CommandLine;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Kms.Emulator;
using NitroEnclaves.Vsock;

// As nitro's: the command line was wrong; something that it names cannot be used.
const int Misuse = 2;
const int Failed = 1;
const int DefaultPort = 8000;

var port = new Option<int>("--port") { HelpName = "N", Description = "TCP port on 127.0.0.1; 0 takes a free one.", DefaultValueFactory = _ => DefaultPort };
var vsockPort = new Option<uint>("--vsock-port") { HelpName = "N", Description = "Vsock port for emulated enclaves, at CID 3 to them.", DefaultValueFactory = _ => DefaultPort };
var root = new Option<string[]>("--root") { HelpName = "FILE", Description = "Trust documents of this root (PEM or DER) instead of the local authority's. Repeatable." };
var authority = new Option<string?>("--authority") { HelpName = "DIR", Description = "The local authority's folder (default: the user's own)." };
var keyPolicy = new Option<string[]>("--key-policy") { HelpName = "FILE", Description = "Create a symmetric key with this key policy, and print its ARN. Repeatable." };
var caller = new Option<string[]>("--caller") { HelpName = "ID=ARN", Description = "Whoever signs with access key ID is principal ARN; others are the account's root. Repeatable." };
var keys = new Option<string?>("--keys") { HelpName = "FILE", Description = "Keep keys in this file (mode 0600); without it they end with the emulator." };
var command = new RootCommand("A local stand-in for AWS KMS, for programs in emulated enclaves. It is not KMS: it protects nothing.")
{
    port, vsockPort, root, authority, keyPolicy, caller, keys,
};

command.SetAction(async (parsed, cancellationToken) =>
{
    try
    {
        var registry = new EnclaveRegistry();
        await using var emulator = await KmsEmulator.StartAsync(
            new KmsEmulatorOptions
            {
                Roots = Roots(parsed.GetValue(root), parsed.GetValue(authority)),
                HttpPort = parsed.GetValue(port),
                VsockPort = parsed.GetValue(vsockPort),
                Vsock = new VsockOptions { Resolvers = [new EnclaveVsockResolver(registry)] },
                Callers = Callers(parsed.GetValue(caller) ?? []),
                KeyFile = parsed.GetValue(keys),
                Log = Console.Error.WriteLine,
            },
            cancellationToken);
        await Console.Error.WriteLineAsync(
            "This is not AWS KMS. It is an emulator for development: it checks no signature and protects no key. Use it for nothing that matters.");
        foreach (var file in parsed.GetValue(keyPolicy) ?? [])
        {
            Console.Out.WriteLine(emulator.CreateKey(await File.ReadAllTextAsync(file, cancellationToken)));
        }

        await Console.Error.WriteLineAsync(
            $"Listening at {emulator.Address} and, for emulated enclaves, at {new VsockEndPoint(VsockAddress.NitroParent, parsed.GetValue(vsockPort))}");
        await EndAsync(cancellationToken);
        return 0;
    }
    catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or InvalidDataException
        or CryptographicException or EnclaveException or VsockException or AttestationException)
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

    Console.Error.WriteLine("For the flags: nitro kms-emulator --help");
    return Misuse;
}

return await line.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });

static IReadOnlyList<AttestationRoot> Roots(string[]? files, string? folder)
{
    if (files is { Length: > 0 })
    {
        return [.. files.Select(file => AttestationRoot.FromCertificate(File.ReadAllBytes(file)))];
    }

    using var authority = AttestationAuthority.OpenOrCreate(folder ?? AttestationAuthority.DefaultFolder);
    return [authority.Root];
}

static Dictionary<string, string> Callers(string[] given) => given.Select(text => text.Split('=', 2)).ToDictionary(
    parts => parts[0],
    parts => parts is [{ Length: > 0 }, { Length: > 0 }] ? parts[1] : throw new ArgumentException($"--caller takes ID=ARN, not {parts[0]}."));

// Ctrl-C, or whoever ends the service: both are how it is meant to end.
static async Task EndAsync(CancellationToken cancellationToken)
{
    var ended = new TaskCompletionSource();
    using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
    using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
    await ended.Task.WaitAsync(cancellationToken);

    void End(PosixSignalContext signal)
    {
        signal.Cancel = true;
        ended.TrySetResult();
    }
}
