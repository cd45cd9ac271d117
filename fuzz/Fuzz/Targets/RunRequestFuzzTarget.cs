using System.Text.Json;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Serve;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>
/// The bodies that <c>nitro serve</c> takes: what is accepted breaks no rule of the options that it stands for, and the enclave's process gets
/// it as it is.
/// </summary>
sealed class RunRequestFuzzTarget : IFuzzTarget
{
    const string Registry = "/r";
    const int MostPositions = 1000;

    public string Name => "serve";

    public IEnumerable<byte[]> Seeds =>
    [
        """{"eifPath":"/a.eif","memoryMiB":512}"""u8.ToArray(),
        """{"eifPath":"/a.eif","memoryMiB":512,"cpuCount":2,"enclaveName":"web","enclaveCid":16,"debugMode":true,"engine":"qemu","bootTimeout":240}"""u8.ToArray(),
        """{"eifPath":"/\u00e9","memoryMiB":64,"cpuIds":[1,3],"restart":"on-failure","restartLimit":3,"restartDelay":0.5}"""u8.ToArray(),
        """{"eifPath":"/a","memoryMiB":64,"forward":["tcp:8080=vsock:5000","vsock:5001=tcp:127.0.0.1:81"],"vsockAllow":[17,18],"engine":"Process"}"""u8.ToArray(),
        """{"eifPath":"/\ud800","memoryMiB":1e3,"bootTimeout":1e308}"""u8.ToArray(),
    ];

    public int LastOutcome { get; private set; }

    public void Run(ReadOnlySpan<byte> input)
    {
        try
        {
            using var body = new MemoryStream(input.ToArray());
            var options = RunRequest.ReadAsync(body, CancellationToken.None).AsTask().GetAwaiter().GetResult().ToOptions(Registry);
            options.Validate();
            LastOutcome = HashCode.Combine(options.VcpuCount, options.Engine, options.Restart.Mode, options.DebugMode, options.Forwards.Count, options.VsockAllow.Count);
            if (!Path.IsPathFullyQualified(options.EifPath!) || options.VcpuCount == 0 || options.EnclaveCid is 1 or 2 or 3 or >= uint.MaxValue)
            {
                throw new InvalidOperationException("Options were accepted that cannot be meant.");
            }

            var encoded = LaunchEncoding.Encode(options);
            if (!LaunchEncoding.Encode(LaunchEncoding.DecodeOptions(encoded)).AsSpan().SequenceEqual(encoded))
            {
                throw new InvalidOperationException("The enclave's process would get other options.");
            }
        }
        catch (EnclaveException exception)
        {
            LastOutcome = (int)exception.Failure;
        }
        catch (JsonException exception)
        {
            // How far the parser came: it has no other reason to tell.
            LastOutcome = -1 - (int)Math.Min(exception.BytePositionInLine ?? 0, MostPositions);
        }
    }
}
