using System.Buffers;
using System.Text.Json;
using NitroEnclaves.Cbor;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The CBOR between an enclave's process and its launcher, which are one program: an array of members in this order. It is on the way to
/// every enclave's start, and the serializer that the rest of the library uses takes longer to come up than the whole rest of that way; so
/// it is left to what is rare or comes after the start.
/// </summary>
static class LaunchEncoding
{
    const int OptionCount = 25;
    const int MessageCount = 4;

    // Longer lists are refused, whoever sent them.
    const int LongestList = 64 * 1024;

    /// <summary>Encodes options.</summary>
    public static byte[] Encode(EnclaveOptions options)
    {
        var output = new ArrayBufferWriter<byte>(1024);
        var writer = new CborWriter(output);
        writer.WriteStartArray(OptionCount);
        Write(ref writer, options.EifPath);
        Write(ref writer, options.KernelPath);
        Write(ref writer, options.InitrdPaths);
        Write(ref writer, options.CommandLine);
        Write(ref writer, options.RootFolder is { } folder ? JsonSerializer.Serialize(folder, EnclaveJson.Context.RootFolder) : null);
        writer.WriteUInt64(options.MemoryMiB);
        Write(ref writer, options.CpuCount);
        Write(ref writer, options.CpuIds);
        Write(ref writer, options.EnclaveCid);
        writer.WriteBoolean(options.DebugMode);
        writer.WriteBoolean(options.ConsoleWithoutDebugMode);
        writer.WriteBoolean(options.AttachConsole);
        Write(ref writer, options.Forwards);
        Write(ref writer, options.VsockAllow);
        Write(ref writer, options.Name);
        Write(ref writer, options.ParentRoleArn);
        Write(ref writer, options.ParentInstanceId);
        Write(ref writer, options.ModuleId);
        writer.WriteInt64((int)options.Engine);
        Write(ref writer, options.AuthorityPath);
        Write(ref writer, options.RegistryPath);
        Write(ref writer, options.QemuPath);
        Write(ref writer, (ulong?)options.BootTimeout?.Ticks);
        writer.WriteStartArray(3);
        writer.WriteInt64((int)options.Restart.Mode);
        writer.WriteInt64(options.Restart.Limit);
        writer.WriteInt64(options.Restart.Delay.Ticks);
        writer.WriteBoolean(options.EndWithLauncher);
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Decodes options.</summary>
    /// <exception cref="CborException">They are malformed.</exception>
    /// <exception cref="JsonException">A part of them is malformed.</exception>
    public static EnclaveOptions DecodeOptions(ReadOnlySpan<byte> encoded)
    {
        var reader = new CborReader(encoded);
        reader.ReadStartArray();
        // Members are initialized in the order in which they stand here.
        var options = new EnclaveOptions
        {
            EifPath = ReadText(ref reader),
            KernelPath = ReadText(ref reader),
            InitrdPaths = ReadTexts(ref reader),
            CommandLine = ReadText(ref reader),
            RootFolder = ReadText(ref reader) is { } folder ? JsonSerializer.Deserialize(folder, EnclaveJson.Context.RootFolder) : null,
            MemoryMiB = reader.ReadUInt64(),
            CpuCount = (uint?)ReadNumber(ref reader),
            CpuIds = reader.TryReadNull() ? null : ReadNumbers(ref reader),
            EnclaveCid = ReadNumber(ref reader),
            DebugMode = reader.ReadBoolean(),
            ConsoleWithoutDebugMode = reader.ReadBoolean(),
            AttachConsole = reader.ReadBoolean(),
            Forwards = ReadTexts(ref reader),
            VsockAllow = ReadNumbers(ref reader),
            Name = ReadText(ref reader),
            ParentRoleArn = ReadText(ref reader),
            ParentInstanceId = ReadText(ref reader),
            ModuleId = ReadText(ref reader),
            Engine = (EngineChoice)reader.ReadInt32(),
            AuthorityPath = ReadText(ref reader),
            RegistryPath = ReadText(ref reader),
            QemuPath = ReadText(ref reader),
            BootTimeout = ReadNumber(ref reader) is { } ticks ? TimeSpan.FromTicks((long)ticks) : null,
            Restart = ReadRestart(ref reader),
            EndWithLauncher = reader.ReadBoolean(),
        };
        reader.ReadEndArray();
        reader.ReadEndOfData();
        return options;
    }

    /// <summary>Encodes a message.</summary>
    public static byte[] Encode(LaunchMessage message)
    {
        var output = new ArrayBufferWriter<byte>(256);
        var writer = new CborWriter(output);
        writer.WriteStartArray(MessageCount);
        Write(ref writer, message.Progress);
        Write(ref writer, message.Started is { } info ? JsonSerializer.Serialize(info, EnclaveJson.Context.EnclaveRunInfo) : null);
        Write(ref writer, message.Failed is { } failed ? JsonSerializer.Serialize(failed, EnclaveJson.Context.LaunchFailure) : null);
        Write(ref writer, message.Ended is { } end ? JsonSerializer.Serialize(end, EnclaveJson.Context.EnclaveEnd) : null);
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Decodes a message.</summary>
    /// <exception cref="CborException">It is malformed.</exception>
    /// <exception cref="JsonException">A part of it is malformed.</exception>
    public static LaunchMessage DecodeMessage(ReadOnlySpan<byte> encoded)
    {
        var reader = new CborReader(encoded);
        reader.ReadStartArray();
        var message = new LaunchMessage
        {
            Progress = ReadText(ref reader),
            Started = ReadText(ref reader) is { } info ? JsonSerializer.Deserialize(info, EnclaveJson.Context.EnclaveRunInfo) : null,
            Failed = ReadText(ref reader) is { } failed ? JsonSerializer.Deserialize(failed, EnclaveJson.Context.LaunchFailure) : null,
            Ended = ReadText(ref reader) is { } end ? JsonSerializer.Deserialize(end, EnclaveJson.Context.EnclaveEnd) : null,
        };
        reader.ReadEndArray();
        reader.ReadEndOfData();
        return message;
    }

    static void Write(ref CborWriter writer, string? text)
    {
        if (text is null)
        {
            writer.WriteNull();
        }
        else
        {
            writer.WriteTextString(text);
        }
    }

    static void Write(ref CborWriter writer, ulong? number)
    {
        if (number is { } value)
        {
            writer.WriteUInt64(value);
        }
        else
        {
            writer.WriteNull();
        }
    }

    static void Write(ref CborWriter writer, IReadOnlyList<string> texts)
    {
        writer.WriteStartArray(texts.Count);
        for (var index = 0; index < texts.Count; index++)
        {
            writer.WriteTextString(texts[index]);
        }
    }

    static void Write(ref CborWriter writer, IReadOnlyList<uint>? numbers)
    {
        if (numbers is null)
        {
            writer.WriteNull();
            return;
        }

        writer.WriteStartArray(numbers.Count);
        for (var index = 0; index < numbers.Count; index++)
        {
            writer.WriteUInt64(numbers[index]);
        }
    }

    static string? ReadText(ref CborReader reader) => reader.TryReadNull() ? null : reader.ReadTextString();

    static ulong? ReadNumber(ref CborReader reader) => reader.TryReadNull() ? null : reader.ReadUInt64();

    static List<string> ReadTexts(ref CborReader reader)
    {
        var texts = new List<string>();
        reader.ReadStartArray();
        while (!reader.TryReadEndArray())
        {
            if (texts.Count == LongestList)
            {
                reader.ReadEndArray();
            }

            texts.Add(reader.ReadTextString());
        }

        return texts;
    }

    static uint[] ReadNumbers(ref CborReader reader)
    {
        var numbers = new uint[Math.Min(reader.ReadStartArray() ?? 0, LongestList)];
        for (var index = 0; index < numbers.Length; index++)
        {
            numbers[index] = reader.ReadUInt32();
        }

        reader.ReadEndArray();
        return numbers;
    }

    static RestartPolicy ReadRestart(ref CborReader reader)
    {
        reader.ReadStartArray();
        var policy = new RestartPolicy
        {
            Mode = (RestartMode)reader.ReadInt32(),
            Limit = reader.ReadInt32(),
            Delay = TimeSpan.FromTicks(reader.ReadInt64()),
        };
        reader.ReadEndArray();
        return policy;
    }
}
