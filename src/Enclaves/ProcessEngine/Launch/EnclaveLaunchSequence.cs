using System.Buffers.Binary;
using System.Globalization;
using static NitroEnclaves.Enclaves.LaunchConstants;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// How a process engine's enclave comes to be: namespaces, a root file system in memory, the mounts that nitro-init makes, the filter, the
/// program. Three processes: the one that the supervisor starts and that only waits, process 1 of the enclave, and the program.
/// </summary>
/// <remarks>
/// The stages, each a word to the supervisor and a byte back: user namespace made (the supervisor writes its maps); process 1 born (its id
/// for the supervisor, who limits it); root mounted (the supervisor fills it); filter in place (the supervisor takes its listener, and
/// lets nothing start before it has seen that the filter holds).
/// </remarks>
static class EnclaveLaunchSequence
{
    const ulong Restricted = MS_NOSUID | MS_NODEV | MS_NOEXEC;

    // What Linux gives to its first process (INR_OPEN_CUR, INR_OPEN_MAX; no core files).
    const ulong OpenFiles = 1024;
    const ulong MostOpenFiles = 4096;

    // The first process that process 1 of a new namespace makes.
    const long ProgramId = 2;

    static readonly string[] s_devices = ["null", "zero", "full", "random", "urandom", "tty"];

    // Below /proc, what concerns the whole machine.
    static readonly string[] s_settings = ["sysrq-trigger", "sys/kernel", "sys/vm", "sys/fs"];

    /// <summary>Puts the steps together.</summary>
    /// <param name="launch">The enclave.</param>
    /// <param name="program">What it runs.</param>
    /// <param name="switchUser">Whether the program's user is another than the one who has made the namespace.</param>
    /// <param name="terminal">The number of the terminal that is the console.</param>
    /// <param name="filter">The filter, as <c>seccomp(2)</c> takes it.</param>
    public static LaunchProgram Create(EnclaveLaunch launch, EnclaveProgram program, bool switchUser, int terminal, byte[] filter)
    {
        var sequence = new LaunchSequence();
        var word = sequence.Program.Add(new byte[sizeof(ulong)]);
        sequence.EndWithParent();
        sequence.ArrangeDescriptors();
        sequence.Call("make a user namespace", SystemCall.unshare, CLONE_NEWUSER);
        sequence.Send(word);
        sequence.AwaitGo();
        sequence.EndWithParent();
        sequence.Call("make namespaces", SystemCall.unshare, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
        sequence.Fork(word, () =>
        {
            sequence.Send(word);
            sequence.Call("close descriptors", SystemCall.close_range, 0, 2, 0);
            sequence.Call("close descriptors", SystemCall.close, LaunchSequence.OutcomeDescriptor);
            sequence.Call("close descriptors", SystemCall.close, LaunchSequence.ControlDescriptor);
            sequence.WaitAndExit(null);
        });

        sequence.Try("name the first process", SystemCall.prctl, PR_SET_NAME, sequence.Program.Add("init"));
        sequence.AwaitGo();
        MountRoot(sequence, launch.MemoryMiB, word);
        MountAll(sequence, launch.MemoryMiB, terminal);
        EnterRoot(sequence);
        SetLimits(sequence);
        BringLoopbackUp(sequence);
        InstallFilter(sequence, filter, word);
        sequence.Fork(word, () =>
        {
            sequence.Call("close descriptors", SystemCall.close_range, 0, 2, 0);
            sequence.Call("close descriptors", SystemCall.close, LaunchSequence.OutcomeDescriptor);
            sequence.WaitAndExit(ProgramId);
        });

        sequence.Execute(program, switchUser);
        return sequence.Program;
    }

    /// <summary>Installs the filter and hands its listener over; the process keeps none, so that calls fail when the supervisor is gone.</summary>
    public static void InstallFilter(LaunchSequence sequence, byte[] filter, ulong word)
    {
        AddFilter(sequence, filter, word);
        sequence.Send(word);
        sequence.AwaitGo();
        // The lowest number that was free; the supervisor refuses to go on where the word says otherwise.
        sequence.Call("close the filter's listener", SystemCall.close, LaunchSequence.FirstFreeDescriptor);
    }

    /// <summary>Installs a filter; a word of the program's memory gets the number of its listener.</summary>
    public static void AddFilter(LaunchSequence sequence, byte[] filter, ulong word)
    {
        // struct sock_fprog: a count, padding, an address.
        var description = new byte[2 * sizeof(ulong)];
        BinaryPrimitives.WriteUInt16LittleEndian(description, (ushort)(filter.Length / BpfInstruction.Size));
        BinaryPrimitives.WriteUInt64LittleEndian(description.AsSpan(sizeof(ulong)), sequence.Program.Add(filter));
        sequence.Program.Add(new LaunchStep
        {
            Call = SystemCall.seccomp,
            Arguments =
            [
                Interop.Seccomp.SECCOMP_SET_MODE_FILTER,
                Interop.Seccomp.SECCOMP_FILTER_FLAG_NEW_LISTENER | Interop.Seccomp.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                sequence.Program.Add(description),
            ],
            Purpose = "install the seccomp filter",
            ResultAddress = word,
        });
    }

    static void MountRoot(LaunchSequence sequence, ulong memoryMiB, ulong word)
    {
        var program = sequence.Program;
        var (source, type, place) = (program.Add("enclave"), program.Add("tmpfs"), program.Add(MountPoint()));
        sequence.Call("make mounts private", SystemCall.mount, 0, program.Add("/"), 0, MS_REC | MS_PRIVATE, 0);
        var options = string.Create(CultureInfo.InvariantCulture, $"mode=0755,size={memoryMiB}M");
        // Large pages take a third of the time to fill; a kernel without them does not know the word.
        sequence.Prefer("mount the root", SystemCall.mount, source, place, type, 0, program.Add($"{options},huge=within_size"));
        sequence.Call("mount the root", SystemCall.mount, source, place, type, 0, program.Add(options));
        program.Add(new LaunchStep
        {
            Call = SystemCall.openat,
            Arguments = [AT_FDCWD, place, O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
            Purpose = "open the root",
            ResultAddress = word,
        });
        sequence.Send(word);
        sequence.AwaitGo();
        sequence.Call("close the root", SystemCall.close, LaunchSequence.FirstFreeDescriptor);
        sequence.Call("enter the root", SystemCall.chdir, place);
    }

    static void MountAll(LaunchSequence sequence, ulong memoryMiB, int terminal)
    {
        var program = sequence.Program;
        var size = string.Create(CultureInfo.InvariantCulture, $"size={memoryMiB}M");
        // struct mount_attr: what is set, what is cleared, propagation, a user namespace.
        var readOnly = program.Add([MOUNT_ATTR_RDONLY, .. new byte[MOUNT_ATTR_SIZE_VER0 - 1]]);
        MakeFolder("proc");
        // Where parts of /proc are covered, as in containers, a new one is refused; the old one has the right /proc/self as well.
        sequence.Prefer("mount /proc", SystemCall.mount, program.Add("proc"), program.Add("proc"), program.Add("proc"), Restricted, 0);
        sequence.Call("mount /proc", SystemCall.mount, program.Add("/proc"), program.Add("proc"), 0, MS_BIND | MS_REC, 0);
        foreach (var setting in s_settings)
        {
            BindReadOnly($"proc/{setting}", $"proc/{setting}");
        }

        MakeFolder("dev");
        Mount("tmpfs", "dev", MS_NOSUID | MS_NOEXEC, "mode=0755");
        foreach (var device in s_devices)
        {
            BindDevice($"/dev/{device}", device);
        }

        // Programs open them and say by ioctl what they want: the filter looks at that, not at the file.
        // Files of the enclave's own, whose modes its programs may change, as services do that keep the NSM to themselves.
        MakeFile("dev/nsm");
        MakeFile("dev/vsock");
        BindConsole(string.Create(CultureInfo.InvariantCulture, $"/dev/pts/{terminal}"));
        MakeFolder("dev/pts");
        sequence.Try(
            "mount /dev/pts", SystemCall.mount, program.Add("devpts"), program.Add("dev/pts"), program.Add("devpts"), MS_NOSUID | MS_NOEXEC,
            program.Add("newinstance,ptmxmode=0666,mode=0620"));
        Link("pts/ptmx", "dev/ptmx");
        MakeFolder("dev/shm");
        Mount("tmpfs", "dev/shm", MS_NOSUID | MS_NODEV, $"mode=1777,{size}");
        Link("/proc/self/fd", "dev/fd");
        Link("/proc/self/fd/0", "dev/stdin");
        Link("/proc/self/fd/1", "dev/stdout");
        Link("/proc/self/fd/2", "dev/stderr");
        MakeFolder("run");
        Mount("tmpfs", "run", 0, $"mode=0755,{size}");
        MakeFolder("tmp");
        Mount("tmpfs", "tmp", 0, $"mode=1777,{size}");
        MakeFolder("sys");
        sequence.Try("mount /sys", SystemCall.mount, program.Add("sysfs"), program.Add("sys"), program.Add("sysfs"), Restricted | MS_RDONLY, 0);

        void MakeFolder(string path) => sequence.Try($"make /{path}", SystemCall.mkdirat, AT_FDCWD, program.Add(path), 0x1ED /* 0755 */);

        void MakeFile(string path)
        {
            sequence.Call($"make /{path}", SystemCall.mknod, program.Add(path), S_IFREG, 0);
            sequence.Call($"set the mode of /{path}", SystemCall.chmod, program.Add(path), 0x1B6 /* 0666 */);
        }

        void Link(string target, string path) =>
            sequence.Try($"make the link /{path}", SystemCall.symlinkat, program.Add(target), AT_FDCWD, program.Add(path));

        void Mount(string type, string path, ulong flags, string options) =>
            sequence.Call($"mount /{path}", SystemCall.mount, program.Add(type), program.Add(path), program.Add(type), flags, program.Add(options));

        // Opened anew, the console has the name that programs look for; where that is not possible it stays what the supervisor gave.
        void BindConsole(string source)
        {
            var path = program.Add("dev/console");
            sequence.Try("make /dev/console", SystemCall.mknod, path, S_IFREG | 0x180 /* 0600 */, 0);
            var bind = sequence.Call("mount /dev/console", SystemCall.mount, program.Add(source), path, 0, MS_BIND, 0);
            sequence.Call("open /dev/console", SystemCall.openat, AT_FDCWD, path, (ulong)(Interop.O_RDWR | Interop.Terminal.O_NOCTTY), 0);
            for (ulong target = 0; target < 3; target++)
            {
                sequence.Call("set up standard descriptors", SystemCall.dup3, LaunchSequence.FirstFreeDescriptor, target, 0);
            }

            sequence.Call("close /dev/console", SystemCall.close, LaunchSequence.FirstFreeDescriptor);
            bind.OnError = sequence.Call("set the mode mask", SystemCall.umask, LaunchSequence.ModeMask);
        }

        // A device that this machine itself lacks is lacking in the enclave as well.
        void BindDevice(string source, string name)
        {
            var path = program.Add($"dev/{name}");
            sequence.Try($"make /dev/{name}", SystemCall.mknod, path, S_IFREG | 0x1B6 /* 0666 */, 0);
            BindReadOnly(source, $"dev/{name}");
        }

        // The enclave's root may be this machine's in the eyes of its file systems: of what is shown from there he changes neither modes nor
        // contents. Devices can be written to nevertheless.
        void BindReadOnly(string source, string target)
        {
            var path = program.Add(target);
            var bind = sequence.Call($"mount {source} on /{target}", SystemCall.mount, program.Add(source), path, 0, MS_BIND, 0);
            var protect = sequence.Call($"protect /{target}", SystemCall.mount_setattr, AT_FDCWD, path, 0, readOnly, MOUNT_ATTR_SIZE_VER0);
            bind.OnError = protect.OnOther = sequence.Call("set the mode mask", SystemCall.umask, LaunchSequence.ModeMask);
        }
    }

    static void EnterRoot(LaunchSequence sequence)
    {
        var program = sequence.Program;
        var (here, root) = (program.Add("."), program.Add("/"));
        var pivot = sequence.Call("change the root", SystemCall.pivot_root, here, here);
        sequence.Call("leave the old root", SystemCall.umount2, here, MNT_DETACH);
        var enter = sequence.Call("enter the root", SystemCall.chdir, root);
        // The root of an initramfs cannot be left by pivot_root: there the new root is moved over it.
        var move = sequence.Call("move the root", SystemCall.mount, here, root, 0, MS_MOVE, 0);
        sequence.Call("change the root", SystemCall.chroot, here);
        sequence.Call("enter the root", SystemCall.chdir, root);
        pivot.OnError = move;
        enter.OnOther = enter.OnExpected = sequence.Try("name the machine", SystemCall.sethostname, program.Add("(none)"), 6);
    }

    static void SetLimits(LaunchSequence sequence)
    {
        var program = sequence.Program;
        Limit(RLIMIT_NOFILE, OpenFiles, MostOpenFiles);
        Limit(RLIMIT_CORE, 0, ulong.MaxValue);

        void Limit(ulong resource, ulong soft, ulong hard)
        {
            var limit = new byte[2 * sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(limit, soft);
            BinaryPrimitives.WriteUInt64LittleEndian(limit.AsSpan(sizeof(ulong)), hard);
            sequence.Try("set limits", SystemCall.prlimit64, 0, resource, program.Add(limit), 0);
        }
    }

    static void BringLoopbackUp(LaunchSequence sequence)
    {
        // struct ifreq: the interface's name in 16 bytes, its flags (IFF_UP | IFF_RUNNING) behind.
        var request = new byte[40];
        "lo"u8.CopyTo(request);
        request[16] = 0x41;
        sequence.Call("open a socket", SystemCall.socket, AF_INET, SOCK_DGRAM, 0);
        sequence.Call("bring the loopback interface up", SystemCall.ioctl, LaunchSequence.FirstFreeDescriptor, SIOCSIFFLAGS, sequence.Program.Add(request));
        sequence.Call("close the socket", SystemCall.close, LaunchSequence.FirstFreeDescriptor);
    }

    // Any folder will do, but those from which the enclave gets something.
    /// <summary>Where the root is mounted until it is the root.</summary>
    internal static string MountPoint() =>
        ((string[])["/tmp", "/mnt", "/run", "/sys", "/etc"]).FirstOrDefault(Directory.Exists)
            ?? throw new EnclaveException(EnclaveFailure.EngineUnavailable, "The process engine mounts an enclave's root on /tmp, /mnt, /run, /sys or /etc, and none of them exists.");
}
