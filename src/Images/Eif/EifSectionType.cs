namespace NitroEnclaves.Images;

/// <summary>What a section of an image holds, as stored in its section header.</summary>
public enum EifSectionType : ushort
{
    /// <summary>Never valid in a file.</summary>
    Invalid = 0,

    /// <summary>The kernel, exactly one: a bzImage (x86-64) or an Image (aarch64).</summary>
    Kernel = 1,

    /// <summary>The kernel's command line, exactly one: UTF-8 without a terminator.</summary>
    CommandLine = 2,

    /// <summary>A ramdisk, one or more: the loader hands them to the kernel one after another.</summary>
    Ramdisk = 3,

    /// <summary>The signature over PCR0 and its certificate, at most one (since version 3).</summary>
    Signature = 4,

    /// <summary>Build and image metadata as JSON, exactly one (since version 4); part of no measurement.</summary>
    Metadata = 5,
}
