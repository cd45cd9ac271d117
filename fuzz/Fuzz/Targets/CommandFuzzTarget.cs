using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>
/// What arrives at the socket of an enclave's process, and what such a process answers: frames of CBOR (eif-and-nitro-cli 3.5). A command that
/// is understood is the very bytes that we would send.
/// </summary>
sealed class CommandFuzzTarget : IFuzzTarget
{
    readonly CancellationToken _never = CancellationToken.None;

    public string Name => "command";

    public IEnumerable<byte[]> Seeds =>
    [
        .. Enum.GetValues<EnclaveCommand>().Select(command => Frames(CommandMessages.Encode(command), CommandMessages.Encode(command))),
        Frames(CommandMessages.Encode(EnclaveCommand.Describe), CommandMessages.EncodeDescribe(true), CommandMessages.EncodeConsole(false)),
        Frames(CommandMessages.EncodeOutput("{}"), CommandMessages.EncodeError("no"), CommandMessages.EncodeStatus(17), CommandMessages.EncodeConsoleOutput([1, 2, 3])),
        Frames(CommandMessages.EncodeText("name"), [0xa2, 0x68, .. "metadata"u8, 0xf5, 0x61, 0x61, 0x82, 0x01, 0x02]),
    ];

    public int LastOutcome { get; private set; }

    public void Run(ReadOnlySpan<byte> input)
    {
        using var stream = new MemoryStream(input.ToArray());
        var outcome = default(HashCode);
        try
        {
            // The stream has all bytes: nothing waits.
            while (CommandFrame.ReadAsync(stream, CommandFrame.LongestRequest, _never).AsTask().GetAwaiter().GetResult() is { } item)
            {
                outcome.Add(Decode(item));
            }
        }
        catch (Exception exception) when (exception is EnclaveException or EndOfStreamException)
        {
            outcome.Add(exception.GetType());
        }

        LastOutcome = outcome.ToHashCode();
    }

    static int Decode(byte[] item)
    {
        var outcome = default(HashCode);
        outcome.Add(Try(() =>
        {
            var command = CommandMessages.DecodeCommand(item);
            return command is not { } known || CommandMessages.Encode(known).AsSpan().SequenceEqual(item)
                ? command
                : throw new InvalidOperationException($"{known} was understood in bytes that are not its own.");
        }));
        outcome.Add(Try(() => CommandMessages.DecodeText(item).Length > 0));
        outcome.Add(Try(() => CommandMessages.DecodeDescribe(item)));
        outcome.Add(Try(() => CommandMessages.DecodeConsole(item)));
        outcome.Add(Try(() =>
        {
            var reply = CommandMessages.DecodeReply(item);
            return (reply.Output is null, reply.Error is null, reply.Status, reply.ConsoleOutput is null);
        }));
        return outcome.ToHashCode();
    }

    static object? Try<T>(Func<T> decode)
    {
        try
        {
            return decode();
        }
        catch (EnclaveException exception) when (exception.Failure == EnclaveFailure.InvalidCommand)
        {
            return exception.Failure;
        }
    }

    static byte[] Frames(params byte[][] items) => [.. items.SelectMany(item => (byte[])[.. BitConverter.GetBytes((ulong)item.Length), .. item])];
}
