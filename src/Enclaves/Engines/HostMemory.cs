using System.Globalization;

namespace NitroEnclaves.Enclaves;

/// <summary>How much memory this machine has to give. An emulated enclave takes its pages one by one: too many end in a killed process.</summary>
static class HostMemory
{
    /// <summary>Refuses more memory than is available.</summary>
    /// <exception cref="EnclaveException">There is less (<see cref="EnclaveFailure.InsufficientMemoryAvailable"/>).</exception>
    public static void Check(ulong memoryMiB, string informationPath = "/proc/meminfo")
    {
        if (AvailableMiB(informationPath) is { } available && memoryMiB > available)
        {
            throw new EnclaveException(
                EnclaveFailure.InsufficientMemoryAvailable, $"{memoryMiB} MiB of memory were asked for; this machine has {available} MiB available.");
        }
    }

    static ulong? AvailableMiB(string path)
    {
        const string Field = "MemAvailable:";
        try
        {
            var line = File.ReadLines(path).FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal));
            return ulong.TryParse(line?[Field.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture, out var kibibytes)
                ? kibibytes / 1024
                : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
