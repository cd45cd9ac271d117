namespace NitroEnclaves.Nsm;

/// <summary>The platform configuration registers of an enclave, by what they measure.</summary>
public static class Pcr
{
    /// <summary>The number of registers.</summary>
    public const int Count = 32;

    /// <summary>The whole image: kernel, command line and all ramdisks.</summary>
    public const int Image = 0;

    /// <summary>Kernel, command line and the first ramdisk.</summary>
    public const int KernelAndBoot = 1;

    /// <summary>The ramdisks after the first: the application.</summary>
    public const int Application = 2;

    /// <summary>The IAM role of the parent instance, zero without one: <see cref="PcrValue.OfRole"/>.</summary>
    public const int ParentRole = 3;

    /// <summary>The id of the parent instance: <see cref="PcrValue.OfInstance"/>.</summary>
    public const int ParentInstance = 4;

    /// <summary>The certificate that signed the image, zero for an unsigned one: <see cref="PcrValue.OfContent(ReadOnlySpan{byte})"/> of its DER.</summary>
    public const int SigningCertificate = 8;

    /// <summary>The first register that the application can extend and lock; the ones below are locked when an enclave boots.</summary>
    public const int FirstUnlocked = 16;
}
