namespace NitroEnclaves.Images;

/// <summary>How ramdisks are laid out, byte by byte.</summary>
public enum RamdiskProfile
{
    /// <summary>
    /// Sorted, one modification time for everything, hard links kept: a function of the files alone, on any machine.
    /// </summary>
    Reproducible,

    /// <summary>
    /// As nitro-cli (its linuxkit) writes them, so that the same <c>docker export</c> measures the same.
    /// </summary>
    NitroCli,
}
