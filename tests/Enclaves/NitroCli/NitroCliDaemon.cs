using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// The process of an enclave that nitro-cli has started, as far as its socket goes: recorded answers to recorded requests, byte by byte
/// (eif-and-nitro-cli 3.5). It shares no encoder with the product, and keeps what it was sent.
/// </summary>
sealed class NitroCliDaemon : IDisposable
{
    public const string Id = "i-0123456789abcdef0-enc18bd93d2c53a1f4";
    public const string SocketName = "18bd93d2c53a1f4.sock";

    const string Description = """
        {
          "EnclaveName": "hello",
          "EnclaveID": "i-0123456789abcdef0-enc18bd93d2c53a1f4",
          "ProcessID": 4711,
          "EnclaveCID": 20,
          "NumberOfCPUs": 2,
          "CPUIDs": [
            1,
            3
          ],
          "MemoryMiB": 512,
          "State": "RUNNING",
          "Flags": "DEBUG_MODE",
          "Measurements": {
            "HashAlgorithm": "Sha512_48 { .. }",
            "PCR0": "00"
          }
        }
        """;

    readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    readonly string _path;

    public NitroCliDaemon(string folder)
    {
        _path = Path.Combine(folder, SocketName);
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        _listener.Listen();
        _ = ServeAsync();
    }

    /// <summary>Everything that clients have sent, one connection after the other.</summary>
    public List<byte[]> Requests { get; } = [];

    public void Dispose() => _listener.Dispose();

    async Task ServeAsync()
    {
        while (true)
        {
            try
            {
                using var socket = await _listener.AcceptAsync();
                await AnswerAsync(socket);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    async Task AnswerAsync(Socket socket)
    {
        var request = new List<byte>();
        var buffer = new byte[256];
        while (Answer(request) is not { } answer)
        {
            var count = await socket.ReceiveAsync(buffer);
            if (count == 0)
            {
                return;
            }

            request.AddRange(buffer[..count]);
            continue;
        }

        Requests.Add([.. request]);
        await socket.SendAsync(Answer(request)!);
        if (Encoding.ASCII.GetString([.. request]).Contains("Terminate", StringComparison.Ordinal))
        {
            _listener.Dispose();
        }
    }

    // The whole answer as soon as the whole request is there.
    static byte[]? Answer(List<byte> request)
    {
        byte[] bytes = [.. request];
        return bytes.AsSpan().SequenceEqual(Twice("Describe", [0xa1, 0x68, .. "metadata"u8, 0xf4]))
            || bytes.AsSpan().SequenceEqual(Twice("Describe", [0xa1, 0x68, .. "metadata"u8, 0xf5])) ? [.. Confirmation, .. Output(Description + "\n"), .. StatusZero]
            : bytes.AsSpan().SequenceEqual(Twice("GetEnclaveCID", null)) ? [20, 0, 0, 0, 0, 0, 0, 0]
            : bytes.AsSpan().SequenceEqual(Twice("Terminate", null))
                ? [.. Output($$"""{"EnclaveName":"hello","EnclaveID":"{{Id}}",""", "StdOutMessage"), .. Output("Successfully terminated enclave.\n", "StdErrMessage"), .. Output("\"Terminated\":true}\n"), .. StatusZero]
            : null;
    }

    static ReadOnlySpan<byte> Confirmation => [0xc0, 0xee, 0, 0, 0, 0, 0, 0];

    static ReadOnlySpan<byte> StatusZero => [9, 0, 0, 0, 0, 0, 0, 0, 0xa1, 0x66, (byte)'S', (byte)'t', (byte)'a', (byte)'t', (byte)'u', (byte)'s', 0];

    static byte[] Twice(string command, byte[]? argument)
    {
        byte[] item = [(byte)(0x60 + command.Length), .. Encoding.ASCII.GetBytes(command)];
        return [.. Frame(item), .. Frame(item), .. argument is null ? [] : Frame(argument)];
    }

    static byte[] Output(string text, string key = "StdOutMessage")
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return Frame([0xa1, (byte)(0x60 + key.Length), .. Encoding.ASCII.GetBytes(key), 0x79, (byte)(bytes.Length >> 8), (byte)bytes.Length, .. bytes]);
    }

    static byte[] Frame(byte[] item) => [(byte)item.Length, (byte)(item.Length >> 8), 0, 0, 0, 0, 0, 0, .. item];
}
