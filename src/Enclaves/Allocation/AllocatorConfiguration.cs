using System.Globalization;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// What the parent sets aside for enclaves: the content of <c>/etc/nitro_enclaves/allocator.yaml</c>, read by the rules of the service that
/// AWS ships (eif-and-nitro-cli 3.8).
/// </summary>
public sealed record AllocatorConfiguration
{
    /// <summary>The place of the file on a parent instance.</summary>
    public const string DefaultPath = "/etc/nitro_enclaves/allocator.yaml";

    const int MaximumLength = 64 * 1024;

    /// <summary>The memory in MiB, above 0.</summary>
    public required ulong MemoryMiB { get; init; }

    /// <summary>How many CPUs, above 0; null where <see cref="CpuPool"/> names them.</summary>
    public uint? CpuCount { get; init; }

    /// <summary>Which CPUs; null where <see cref="CpuCount"/> leaves the choice.</summary>
    public IReadOnlyList<uint>? CpuPool { get; init; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="EnclaveException">
    /// It cannot be read (<see cref="EnclaveFailure.FileOperation"/>) or says something else than the rules allow
    /// (<see cref="EnclaveFailure.AllocatorConfiguration"/>).
    /// </exception>
    public static AllocatorConfiguration Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length > MaximumLength)
            {
                throw Wrong(path, $"is longer than {MaximumLength} bytes");
            }

            using var reader = new StreamReader(file);
            return Parse(reader.ReadToEnd(), path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EnclaveException(
                EnclaveFailure.FileOperation, $"{path} cannot be read: {exception.Message} Write it, or name another file with --config.", exception);
        }
    }

    /// <summary>
    /// Reads the text of a file: everything before a line <c>---</c>, and lines that begin with <c>#</c>, are passed over; the others are
    /// <c>key: value</c>, with or without quotes around the value.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="name">How messages call the file.</param>
    /// <exception cref="EnclaveException">A line or the whole breaks a rule (<see cref="EnclaveFailure.AllocatorConfiguration"/>).</exception>
    public static AllocatorConfiguration Parse(string text, string name)
    {
        ArgumentNullException.ThrowIfNull(text);
        ulong? memory = null;
        uint? count = null;
        IReadOnlyList<uint>? pool = null;
        var number = 0;
        var begun = false;
        foreach (var raw in text.AsSpan().EnumerateLines())
        {
            number++;
            var line = raw.Trim();
            if (line.SequenceEqual("---"))
            {
                begun = true;
            }
            else if (begun && !line.IsEmpty && line[0] != '#')
            {
                ReadLine(line, $"{name}:{number}", ref memory, ref count, ref pool);
            }
        }

        if (!begun)
        {
            throw Wrong(name, "has no line \"---\", before which everything is passed over");
        }

        if (memory is null)
        {
            throw Wrong(name, "does not say how much memory enclaves get (memory_mib)");
        }

        if (count is null == pool is null)
        {
            throw Wrong(name, count is null ? "says neither cpu_count nor cpu_pool" : "says both cpu_count and cpu_pool, which exclude each other");
        }

        return new AllocatorConfiguration { MemoryMiB = memory.Value, CpuCount = count, CpuPool = pool };
    }

    static void ReadLine(ReadOnlySpan<char> line, string place, ref ulong? memory, ref uint? count, ref IReadOnlyList<uint>? pool)
    {
        var colon = line.IndexOf(':');
        var key = colon < 0 ? line : line[..colon].TrimEnd();
        var value = colon < 0 ? default : line[(colon + 1)..].Trim().Trim('"');
        if (key is not ("memory_mib" or "cpu_count" or "cpu_pool"))
        {
            throw Wrong(place, $"has \"{key}\" where memory_mib, cpu_count or cpu_pool can stand");
        }

        if (value.IsEmpty)
        {
            throw Wrong(place, $"gives {key} no value");
        }

        switch (key)
        {
            case "memory_mib":
                memory = ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var mebibytes) && mebibytes is > 0 and < 1UL << 40
                    ? mebibytes
                    : throw Wrong(place, $"has \"{value}\" where a number of MiB above 0 is expected");
                break;
            case "cpu_count":
                count = uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var cpus) && cpus is > 0 and <= CpuList.MaximumCpu
                    ? cpus
                    : throw Wrong(place, $"has \"{value}\" where a number of CPUs above 0 is expected");
                break;
            default:
                pool = CpuList.Parse(value) is { Count: > 0 } list ? list : throw Wrong(place, "names no CPU in cpu_pool");
                break;
        }
    }

    static EnclaveException Wrong(string place, string what) => new(EnclaveFailure.AllocatorConfiguration, $"{place} {what}.");
}
