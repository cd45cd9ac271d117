namespace NitroEnclaves.Images;

/// <summary>The first ramdisk as nitro-cli has it made: <c>dev</c>, <c>init</c>, <c>nsm.ko</c>, byte for byte.</summary>
public sealed class NitroCliBootstrapRamdisk : EifSectionContent
{
    /// <summary>The program that the kernel starts as /init.</summary>
    public required FileContent Init { get; init; }

    /// <summary>The NSM's kernel module; null to leave it out, which nitro-cli never does.</summary>
    public FileContent? NsmModule { get; init; }

    /// <inheritdoc/>
    public override void WriteTo(Stream output, CancellationToken cancellationToken)
    {
        var archive = new LinuxkitArchive(output);
        archive.AddDirectory("dev");
        archive.Add("init", FileModes.Executable, Init, cancellationToken);
        if (NsmModule is not null)
        {
            archive.Add("nsm.ko", FileModes.Executable, NsmModule, cancellationToken);
        }

        archive.Finish();
    }
}
