namespace NitroEnclaves.Enclaves;

/// <summary>The rules that <see cref="EnclaveOptions"/> must meet before anything is started (eif-and-nitro-cli 3.1, 3.3, 3.6).</summary>
public static class EnclaveOptionsValidation
{
    /// <summary>The most vCPUs that an emulated enclave may have; QEMU's microvm takes 288.</summary>
    public const int MaximumVcpuCount = 255;

    /// <summary>The longest name in characters: it is printed in lists and asked for on command lines.</summary>
    public const int MaximumNameLength = 255;

    const uint AnyCid = uint.MaxValue;

    /// <summary>Checks everything that can be known without touching a file.</summary>
    /// <exception cref="EnclaveException">A rule is broken; the reason says which.</exception>
    public static void Validate(this EnclaveOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ValidateSource(options);
        ValidateCpus(options);
        ValidateCid(options.EnclaveCid);
        ValidateIdentity(options);
        ValidateVsock(options);
        options.Restart.Validate();
        if (options.MemoryMiB == 0)
        {
            throw new EnclaveException(EnclaveFailure.InsufficientMemoryRequested, "An enclave needs memory: 0 MiB were asked for.");
        }

        if (options.BootTimeout is { } timeout && timeout <= TimeSpan.Zero)
        {
            throw new EnclaveException(EnclaveFailure.InvalidArgument, "The boot time-out must be longer than nothing.");
        }
    }

    /// <summary>Checks that the memory is at least four times the image, as the Nitro loader needs it (3.6).</summary>
    /// <param name="options">The options.</param>
    /// <param name="imageLength">The image's length in bytes.</param>
    /// <exception cref="EnclaveException">It is less (<see cref="EnclaveFailure.InsufficientMemoryRequested"/>).</exception>
    public static void ValidateMemory(this EnclaveOptions options, long imageLength)
    {
        ArgumentNullException.ThrowIfNull(options);
        const ulong MiB = 1024 * 1024;
        var imageMiB = ((ulong)imageLength + MiB - 1) / MiB;
        // In bytes, as nitro-cli compares; the minimum it prints is rounded up to whole MiB of image.
        if ((UInt128)options.MemoryMiB * MiB < 4 * (UInt128)(ulong)imageLength)
        {
            throw new EnclaveException(
                EnclaveFailure.InsufficientMemoryRequested,
                $"{options.MemoryMiB} MiB of memory were asked for, but an image of this size needs at least {4 * imageMiB} MiB.");
        }
    }

    static void ValidateSource(EnclaveOptions options)
    {
        if (options.RootFolder is { } folder)
        {
            ValidateFolder(options, folder);
        }
        else if (options.EifPath is null && options.KernelPath is null)
        {
            throw new EnclaveException(EnclaveFailure.MissingArgument, "Give an image file, or a kernel with its ramdisks.");
        }

        if (options.EifPath is not null && (options.KernelPath is not null || options.InitrdPaths.Count > 0 || options.CommandLine is not null))
        {
            throw new EnclaveException(
                EnclaveFailure.ConflictingArgument, "An image file excludes a kernel, ramdisks and a command line of their own.");
        }

        if (options.KernelPath is not null && options.InitrdPaths.Count == 0)
        {
            throw new EnclaveException(EnclaveFailure.MissingArgument, "A kernel needs at least one ramdisk beside it.");
        }

        if (options.RequestedName is not { Length: > 0 and <= MaximumNameLength } name || name.Any(char.IsControl))
        {
            throw new EnclaveException(
                EnclaveFailure.InvalidArgument, $"An enclave's name has 1 to {MaximumNameLength} characters and no control characters.");
        }
    }

    static void ValidateFolder(EnclaveOptions options, RootFolder folder)
    {
        if (options.EifPath is not null || options.KernelPath is not null || options.InitrdPaths.Count > 0 || options.CommandLine is not null)
        {
            throw new EnclaveException(EnclaveFailure.ConflictingArgument, "A root file system in a folder excludes an image, a kernel and ramdisks.");
        }

        if (options.Engine != EngineChoice.Process)
        {
            throw new EnclaveException(
                EnclaveFailure.ConflictingArgument,
                "A folder is run by the process engine only: ask for it with --engine process, or build an image of the folder with build-enclave --directory.");
        }

        if (!options.DebugMode)
        {
            throw new EnclaveException(EnclaveFailure.ConflictingArgument, "Nothing of a folder is measured: its enclave runs in debug mode only, with zero in its registers.");
        }

        folder.Validate();
    }

    static void ValidateCpus(EnclaveOptions options)
    {
        if (options.CpuCount is null && options.CpuIds is null)
        {
            throw new EnclaveException(EnclaveFailure.MissingArgument, "Give a number of CPUs or a list of CPU ids.");
        }

        if (options.CpuCount is not null && options.CpuIds is not null)
        {
            throw new EnclaveException(EnclaveFailure.ConflictingArgument, "A number of CPUs and a list of CPU ids exclude each other.");
        }

        if (options.CpuCount == 0 || options.CpuIds is { Count: 0 })
        {
            throw new EnclaveException(EnclaveFailure.InvalidArgument, "An enclave needs at least one CPU.");
        }

        if (options.CpuIds is { } ids && ids.Distinct().Count() != ids.Count)
        {
            throw new EnclaveException(EnclaveFailure.InvalidCpuConfiguration, "A CPU id was given twice.");
        }

        if (options.CpuCount > MaximumVcpuCount || options.CpuIds is { Count: > MaximumVcpuCount })
        {
            throw new EnclaveException(EnclaveFailure.InsufficientCpus, $"An enclave has at most {MaximumVcpuCount} vCPUs.");
        }
    }

    static void ValidateCid(ulong? cid)
    {
        if (cid is > AnyCid or 1 or 2 or 3 or AnyCid)
        {
            throw new EnclaveException(
                EnclaveFailure.InvalidArgument, $"CID {cid} cannot be an enclave's: 4 to {AnyCid - 1} can, and 0 takes a free one.");
        }
    }

    static void ValidateVsock(EnclaveOptions options)
    {
        if (options.Forwards.FirstOrDefault(forward => !VsockForward.TryParse(forward, out _)) is { } wrong)
        {
            throw new EnclaveException(
                EnclaveFailure.InvalidArgument, $"'{wrong}' is no forward; it looks like tcp:8080=vsock:5000 or vsock:5000=tcp:8080.");
        }

        foreach (var cid in options.VsockAllow)
        {
            ValidateCid(cid);
        }
    }

    static void ValidateIdentity(EnclaveOptions options)
    {
        var instance = options.ParentInstanceId is { } given ? InstanceId.Parse(given) : (InstanceId?)null;
        if (options.ModuleId is { } moduleId && EnclaveId.Parse(moduleId).InstanceId is var own && instance is { } parent && parent != own)
        {
            throw new EnclaveException(
                EnclaveFailure.ConflictingArgument, $"The module id {moduleId} names another parent instance than {parent}.");
        }

        if (options.ParentRoleArn is { } arn && (arn.Length is 0 or > 2048 || arn.Any(char.IsControl)))
        {
            throw new EnclaveException(EnclaveFailure.InvalidArgument, "The parent's role ARN has 1 to 2048 characters and no control characters.");
        }
    }
}
