using static System.IO.UnixFileMode;

namespace NitroEnclaves.Images;

/// <summary>The modes that come up again and again, C# having no octal numbers.</summary>
static class FileModes
{
    /// <summary>0644.</summary>
    public const UnixFileMode Plain = UserRead | UserWrite | GroupRead | OtherRead;

    /// <summary>0755.</summary>
    public const UnixFileMode Executable = Plain | UserExecute | GroupExecute | OtherExecute;

    /// <summary>0777.</summary>
    public const UnixFileMode All = Executable | GroupWrite | OtherWrite;

    /// <summary>1777, as of /tmp.</summary>
    public const UnixFileMode Temporary = All | StickyBit;

    /// <summary>The twelve bits that a mode has beside the type.</summary>
    public const UnixFileMode Mask = (UnixFileMode)0xFFF;
}
