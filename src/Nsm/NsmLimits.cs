namespace NitroEnclaves.Nsm;

/// <summary>The fixed sizes of the NSM interface.</summary>
public static class NsmLimits
{
    /// <summary>The longest request, in bytes: the driver refuses longer ones.</summary>
    public const int MaxRequestLength = 0x1000;

    /// <summary>The longest response, in bytes. The driver cuts a response short without a word where it is given less room.</summary>
    public const int MaxResponseLength = 0x3000;

    /// <summary>The bytes of one GetRandom response of the hardware.</summary>
    public const int RandomLength = 256;
}
