namespace NitroEnclaves.Images;

/// <summary>The processor architecture an image is made for: bit 0 of the header's flags.</summary>
public enum EifArchitecture
{
    /// <summary>64-bit x86; the kernel is a bzImage.</summary>
    X64 = 0,

    /// <summary>64-bit Arm; the kernel is an uncompressed Image.</summary>
    Arm64 = 1,
}
