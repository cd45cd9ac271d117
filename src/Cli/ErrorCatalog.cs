namespace NitroEnclaves.Cli;

/// <summary>One of nitro-cli's error codes: its number is also the exit code of a command that fails with it.</summary>
/// <param name="Number">0 to 60; printed as <c>E00</c> to <c>E60</c>.</param>
/// <param name="Name">nitro-cli's name.</param>
/// <param name="Meaning">What went wrong, in a sentence.</param>
/// <param name="NextStep">What to do about it.</param>
sealed record ErrorCode(int Number, string Name, string Meaning, string NextStep);

/// <summary>The error codes of nitro-cli 1.5.0 (E00 to E60), which scripts match on.</summary>
static class ErrorCatalog
{
    /// <summary>All codes in the order of their numbers.</summary>
    public static IReadOnlyList<ErrorCode> All { get; } =
    [
        new(0, "UnspecifiedError", "Something failed that has no code of its own.", "Read the message; it names what failed."),
        new(1, "MissingArgument", "A mandatory argument is missing.", "Add the argument that the message names."),
        new(2, "ConflictingArgument", "Two arguments exclude each other.", "Leave one of them out."),
        new(3, "InvalidArgument", "An argument has the wrong type or is out of range.", "Correct the value that the message names."),
        new(4, "SocketPairCreationFailure", "The channel to the enclave's process could not be made.", "Check the limit of open files (ulimit -n)."),
        new(5, "ProcessSpawnFailure", "The enclave's process could not be started.", "Check the limit of processes (ulimit -u) and free memory."),
        new(6, "DaemonizeProcessFailure", "The enclave's process could not detach from the terminal.", "Check the limit of processes (ulimit -u)."),
        new(7, "ReadFromDiskFailure", "The registry folder of running enclaves could not be read.", "Check NITRO_CLI_SOCKETS_PATH and the folder's permissions."),
        new(8, "UnusableConnectionError", "The connection to an enclave's process cannot be used.", "Ask again; the enclave may just have ended."),
        new(9, "SocketCloseError", "A connection to an enclave's process could not be closed.", "Ask again; nothing was changed."),
        new(10, "SocketConnectTimeoutError", "The connection to a console did not come about in time.", "Check that the enclave still runs: nitro describe-enclaves."),
        new(11, "SocketError", "A socket failed, or no enclave has the given ID.", "List the enclaves: nitro describe-enclaves."),
        new(12, "EpollError", "Waiting for events failed.", "Check the limit of open files (ulimit -n)."),
        new(13, "InotifyError", "The socket's folder could not be watched.", "Check fs.inotify.max_user_instances."),
        new(14, "InvalidCommand", "A command that reached an enclave's process is not one.", "Use matching versions of the command and of the running enclave."),
        new(15, "LockAcquireFailure", "A lock could not be taken.", "Another command holds it; try again."),
        new(16, "ThreadJoinFailure", "A thread ended abnormally.", "Report it with the message."),
        new(17, "SerdeError", "JSON or CBOR could not be read or written.", "Correct the file that the message names."),
        new(18, "FilePermissionsError", "A file's permissions could not be set.", "Check who owns the folder that the message names."),
        new(19, "FileOperationFailure", "A file could not be opened, read or written.", "Check the path and its permissions."),
        new(20, "InvalidCpuConfiguration", "CPU ids are given twice.", "Name each CPU id once."),
        new(21, "NoSuchCpuAvailableInPool", "A CPU id is not in the pool of enclave CPUs.", "Choose from /sys/module/nitro_enclaves/parameters/ne_cpus."),
        new(22, "InsufficientCpus", "More CPUs are asked for than there are.", "Lower --cpu-count, or give the pool more CPUs."),
        new(23, "MalformedCpuId", "The CPU pool holds something that is not a number.", "Correct the allocator's configuration."),
        new(24, "CpuError", "The CPU pool holds a bad interval.", "Correct the allocator's configuration."),
        new(25, "NoSuchHugepageFlag", "No huge page has the wanted size.", "Check /sys/kernel/mm/hugepages."),
        new(26, "InsufficientMemoryRequested", "The memory asked for is too little for the image.", "Raise --memory to what the message says."),
        new(27, "InsufficientMemoryAvailable", "The host has not enough memory for the enclave.", "Lower --memory, or give the allocator more huge pages."),
        new(28, "InvalidEnclaveFd", "The driver gave no enclave descriptor.", "Check that the instance has enclaves enabled."),
        new(29, "IoctlFailure", "A call of the enclave driver failed.", "The message names the driver's rule that was broken."),
        new(30, "IoctlImageLoadInfoFailure", "The driver did not say where the image goes.", "Check the driver's version."),
        new(31, "IoctlSetMemoryRegionFailure", "The driver refused a memory region.", "Check the huge pages of the enclave's NUMA node."),
        new(32, "IoctlAddVcpuFailure", "The driver refused a vCPU.", "Check the CPU pool."),
        new(33, "IoctlEnclaveStartFailure", "The driver refused to start the enclave.", "Give whole cores and enough memory."),
        new(34, "MemoryOverflow", "The image does not fit into the enclave's memory.", "Raise --memory."),
        new(35, "EifParsingError", "The image file is not a valid EIF.", "See what is wrong with it: nitro describe-eif --eif-path FILE."),
        new(36, "EnclaveBootFailure", "The enclave sent no heartbeat.", "Run it with --debug-mode --attach-console to see how it boots."),
        new(37, "EnclaveEventWaitError", "Waiting for the enclave's events failed.", "List the enclaves: nitro describe-enclaves."),
        new(38, "EnclaveProcessCommandNotExecuted", "The enclave's process refused or failed a command.", "The message names the reason."),
        new(39, "EnclaveProcessConnectionFailure", "The enclave's process gave no valid answer.", "The message before it names the cause."),
        new(40, "SocketPathNotFound", "The registry folder of running enclaves is missing.", "Check NITRO_CLI_SOCKETS_PATH."),
        new(41, "EnclaveProcessSendReplyFailure", "The enclave's process could not answer.", "Ask again."),
        new(42, "EnclaveMmapError", "Memory for the enclave could not be mapped.", "Check the huge pages and memory limits."),
        new(43, "EnclaveMunmapError", "Memory of the enclave could not be given back.", "Check the kernel's log."),
        new(44, "EnclaveConsoleConnectionFailure", "The console cannot be reached; only debug-mode enclaves have one.", "Run the enclave with --debug-mode."),
        new(45, "EnclaveConsoleReadError", "Reading the console failed.", "Check that the enclave still runs: nitro describe-enclaves."),
        new(46, "EnclaveConsoleWriteOutputError", "The console's output could not be written.", "Check where the output goes."),
        new(47, "IntegerParsingError", "A number could not be read.", "Correct the value that the message names."),
        new(48, "EifBuildingError", "The image could not be built.", "The message names the input that failed."),
        new(49, "DockerImageBuildError", "The container image could not be built.", "Build it by hand to see its log."),
        new(50, "DockerImagePullError", "The container image could not be fetched.", "Check its name and the registry's credentials."),
        new(51, "ArtifactsPathNotSet", "There is no folder for artifacts.", "Set NITRO_CLI_ARTIFACTS or HOME."),
        new(52, "BlobsPathNotSet", "There is no folder with kernel and init.", "Set NITRO_CLI_BLOBS."),
        new(53, "ClockSkewError", "The host's clock went backwards.", "Set the clock and try again."),
        new(54, "SignalMaskingError", "Signals could not be masked.", "Report it with the message."),
        new(55, "SignalUnmaskingError", "Signals could not be unmasked.", "Report it with the message."),
        new(56, "LoggerError", "The log could not be written.", "Check NITRO_CLI_LOGS_PATH."),
        new(57, "HasherError", "The file could not be measured.", "Check the path and its contents."),
        new(58, "EnclaveNamingError", "No enclave, or more than one, has the given name.", "List the enclaves: nitro describe-enclaves."),
        new(59, "EIFSignatureCheckerError", "The image's signature is bad, expired or not over this image.", "Sign it again: nitro sign-eif."),
        new(60, "EIFSigningError", "The image could not be signed.", "Check key and certificate; the message names which."),
    ];

    /// <summary>The code of a number, or null.</summary>
    public static ErrorCode? Find(int number) => number >= 0 && number < All.Count ? All[number] : null;

    /// <summary>The code written as <c>E26</c>, <c>e26</c> or <c>26</c>, or null.</summary>
    public static ErrorCode? Find(string text) =>
        int.TryParse(text.AsSpan().TrimStart("Ee"), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number)
            ? Find(number)
            : null;
}
