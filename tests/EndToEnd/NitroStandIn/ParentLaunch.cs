using System.Text;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Init;
using static NitroEnclaves.Enclaves.LaunchConstants;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// How a program comes to see a parent instance: in a mount namespace of its own with the device and the files of <c>/sys</c> in their places,
/// and under the filter, which is there before the program is.
/// </summary>
static class ParentLaunch
{
    const ulong S_IFCHR = 0x2000;
    const ulong Everybody = 0x1B6; // 0666

    // Major numbers are the second byte.
    static readonly (string Name, ulong Number)[] s_devices =
        [("null", 0x103), ("zero", 0x105), ("full", 0x107), ("random", 0x108), ("urandom", 0x109), ("tty", 0x500)];

    /// <summary>Puts the steps together.</summary>
    /// <param name="modules">What becomes <c>/sys/module</c>.</param>
    /// <param name="cpus">What becomes <c>/sys/devices/system/cpu</c>.</param>
    /// <param name="command">The program, by its path, and its arguments.</param>
    /// <param name="environment">Its variables.</param>
    public static LaunchProgram Create(string modules, string cpus, IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment)
    {
        var sequence = new LaunchSequence();
        var program = sequence.Program;
        var word = program.Add(new byte[sizeof(ulong)]);
        sequence.EndWithParent();
        sequence.ArrangeDescriptors();
        sequence.Call("make a mount namespace", SystemCall.unshare, CLONE_NEWNS);
        sequence.Call("make mounts private", SystemCall.mount, 0, program.Add("/"), 0, MS_REC | MS_PRIVATE, 0);
        sequence.Call("mount /sys/module", SystemCall.mount, program.Add(modules), program.Add("/sys/module"), 0, MS_BIND, 0);
        sequence.Call("mount the CPUs", SystemCall.mount, program.Add(cpus), program.Add("/sys/devices/system/cpu"), 0, MS_BIND, 0);
        // Nothing is made in the machine's own folder: the device there would be everybody's.
        sequence.Call("mount /dev", SystemCall.mount, program.Add("tmpfs"), program.Add("/dev"), program.Add("tmpfs"), MS_NOSUID, program.Add("mode=0755"));
        foreach (var (name, number) in s_devices)
        {
            Make(name, S_IFCHR, number);
        }

        // Whatever it is, it can be opened: what is said to it by ioctl the filter hands over.
        Make("nitro_enclaves", S_IFREG, 0);
        EnclaveLaunchSequence.InstallFilter(sequence, EnclaveFilter.Encode(EnclaveFilter.Build(CallNumbers.X64, NitroDeviceCalls.IoctlType)), word);
        var variables = environment.Select(variable => Encoding.UTF8.GetBytes($"{variable.Key}={variable.Value}")).ToArray();
        sequence.Execute(
            new EnclaveProgram(new ImageCommand([.. command.Select(Encoding.UTF8.GetBytes)], variables, "/", null), null), switchUser: false, newSession: false);
        return program;

        void Make(string name, ulong kind, ulong number)
        {
            var path = program.Add($"/dev/{name}");
            sequence.Call($"make /dev/{name}", SystemCall.mknod, path, kind, number);
            sequence.Call($"set the mode of /dev/{name}", SystemCall.chmod, path, Everybody);
        }
    }
}
