using System.Buffers;
using NitroEnclaves.Cbor;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The CBOR items of the command protocol, as nitro-cli writes and reads them (eif-and-nitro-cli 3.5). Each travels in a frame
/// (<see cref="CommandFrame"/>).
/// </summary>
static class CommandMessages
{
    /// <summary>What a process sends, unframed and little-endian, to say that it has taken a command.</summary>
    public const ulong Confirmation = 0xEEC0;

    const string StandardOutput = "StdOutMessage";
    const string StandardError = "StdErrMessage";
    const string Status = "Status";
    const string ConsoleOutput = "ConsoleOutput";
    const string Metadata = "metadata";
    const string Follow = "follow";

    /// <summary>A command: its name as a text string.</summary>
    public static byte[] Encode(EnclaveCommand command) => EncodeText(command.ToString());

    /// <summary>A text argument: the name that <see cref="EnclaveCommand.GetIDbyName"/> asks for.</summary>
    public static byte[] EncodeText(string text)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new CborWriter(output);
        writer.WriteTextString(text);
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>The argument of <see cref="EnclaveCommand.Describe"/>: <c>{"metadata": bool}</c>.</summary>
    public static byte[] EncodeDescribe(bool metadata) => EncodeFlag(Metadata, metadata);

    /// <summary>The argument of <see cref="EnclaveCommand.Console"/>: <c>{"follow": bool}</c>.</summary>
    public static byte[] EncodeConsole(bool follow) => EncodeFlag(Follow, follow);

    /// <summary>Reads a command; null when it is none of ours.</summary>
    /// <exception cref="EnclaveException">The bytes are not one CBOR text (<see cref="EnclaveFailure.InvalidCommand"/>).</exception>
    public static EnclaveCommand? DecodeCommand(ReadOnlySpan<byte> item) =>
        Enum.TryParse<EnclaveCommand>(DecodeText(item), out var command) && Enum.IsDefined(command)
        && command.ToString() == DecodeText(item) ? command : null;

    /// <summary>Reads a text.</summary>
    /// <exception cref="EnclaveException">The bytes are not one CBOR text (<see cref="EnclaveFailure.InvalidCommand"/>).</exception>
    public static string DecodeText(ReadOnlySpan<byte> item)
    {
        try
        {
            var reader = new CborReader(item);
            var text = reader.ReadTextString();
            reader.ReadEndOfData();
            return text;
        }
        catch (CborException exception)
        {
            throw Invalid(exception);
        }
    }

    /// <summary>Reads the argument of <see cref="EnclaveCommand.Describe"/>.</summary>
    public static bool DecodeDescribe(ReadOnlySpan<byte> item) => DecodeFlag(item, Metadata);

    /// <summary>Reads the argument of <see cref="EnclaveCommand.Console"/>.</summary>
    public static bool DecodeConsole(ReadOnlySpan<byte> item) => DecodeFlag(item, Follow);

    /// <summary>A part of what the asking command prints on its standard output.</summary>
    public static byte[] EncodeOutput(string text) => EncodeReply(StandardOutput, (ref CborWriter writer) => writer.WriteTextString(text));

    /// <summary>A part of what the asking command prints on its standard error.</summary>
    public static byte[] EncodeError(string text) => EncodeReply(StandardError, (ref CborWriter writer) => writer.WriteTextString(text));

    /// <summary>How the command ended: 0, or an errno.</summary>
    public static byte[] EncodeStatus(int status) => EncodeReply(Status, (ref CborWriter writer) => writer.WriteInt64(status));

    /// <summary>Ours: a part of the enclave's console, as bytes.</summary>
    public static byte[] EncodeConsoleOutput(byte[] bytes) =>
        EncodeReply(ConsoleOutput, (ref CborWriter writer) => writer.WriteByteString(bytes));

    /// <summary>Reads a reply.</summary>
    /// <exception cref="EnclaveException">The bytes are not a reply (<see cref="EnclaveFailure.InvalidCommand"/>).</exception>
    public static CommandReply DecodeReply(ReadOnlySpan<byte> item)
    {
        try
        {
            var reader = new CborReader(item);
            reader.ReadStartMap();
            var reply = reader.ReadTextString() switch
            {
                StandardOutput => new CommandReply { Output = reader.ReadTextString() },
                StandardError => new CommandReply { Error = reader.ReadTextString() },
                Status => new CommandReply { Status = reader.ReadInt32() },
                ConsoleOutput => new CommandReply { ConsoleOutput = reader.ReadByteArray() },
                _ => default,
            };
            if (reply == default)
            {
                throw Invalid(null);
            }

            reader.ReadEndMap();
            reader.ReadEndOfData();
            return reply;
        }
        catch (CborException exception)
        {
            throw Invalid(exception);
        }
    }

    delegate void WriteValue(ref CborWriter writer);

    static byte[] EncodeFlag(string name, bool value) => EncodeReply(name, (ref CborWriter writer) => writer.WriteBoolean(value));

    static byte[] EncodeReply(string key, WriteValue writeValue)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new CborWriter(output);
        writer.WriteStartMap(1);
        writer.WriteTextString(key);
        writeValue(ref writer);
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }

    static bool DecodeFlag(ReadOnlySpan<byte> item, string name)
    {
        try
        {
            var reader = new CborReader(item);
            reader.ReadStartMap();
            var found = false;
            var value = false;
            while (!reader.TryReadEndMap())
            {
                if (reader.ReadTextString() == name)
                {
                    (found, value) = (true, reader.ReadBoolean());
                }
                else
                {
                    reader.SkipValue();
                }
            }

            reader.ReadEndOfData();
            return found ? value : throw Invalid(null);
        }
        catch (CborException exception)
        {
            throw Invalid(exception);
        }
    }

    static EnclaveException Invalid(CborException? cause) => new(
        EnclaveFailure.InvalidCommand, "What was received is not of the enclave command protocol.", cause);
}
