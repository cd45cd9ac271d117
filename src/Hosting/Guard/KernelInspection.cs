using System.Runtime.CompilerServices;

namespace NitroEnclaves.Hosting;

/// <summary>The rules that files of the kernel and the process's own environment tell about.</summary>
/// <param name="surroundings">Where they are.</param>
/// <param name="nsmPath">The NSM's device file.</param>
sealed class KernelInspection(EnclaveSurroundings surroundings, string nsmPath)
{
    static readonly Version s_oldestKernel = new(5, 17, 12);
    static readonly string[] s_creditNothing = ["random.trust_cpu=off", "random.trust_bootloader=off"];

    public (bool IsMet, string Explanation) Look(EnclaveRule rule) => rule switch
    {
        EnclaveRule.RandomSource => Compare("/sys/class/misc/hw_random/rng_current", "nsm-hwrng", "The kernel's randomness comes from"),
        EnclaveRule.ClockSource => Compare("/sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock", "The clock source is"),
        EnclaveRule.CreditedEntropy => LookAtEntropy(),
        EnclaveRule.Swap => LookAtSwap(),
        EnclaveRule.CoreDumps => LookAtCoreDumps(),
        EnclaveRule.RuntimeDiagnostics => LookAtDiagnostics(),
        EnclaveRule.KernelVersion => LookAtKernel(),
        EnclaveRule.NsmPermissions => LookAtPermissions(),
        _ => throw new ArgumentOutOfRangeException(nameof(rule), rule, "The kernel does not tell."),
    };

    (bool, string) Compare(string path, string expected, string sentence) => surroundings.Read(path) is { } actual
        ? (actual == expected, $"{sentence} {actual}{(actual == expected ? "" : $", not {expected}")}.")
        : (false, $"{path} cannot be read.");

    (bool, string) LookAtEntropy()
    {
        var words = surroundings.Read("/proc/cmdline")?.Split(' ') ?? [];
        var missing = s_creditNothing.Except(words).ToArray();
        return missing.Length == 0
            ? (true, "CPU and boot loader are credited with no entropy.")
            : (false, $"The kernel's command line lacks {string.Join(' ', missing)}: build the image with it.");
    }

    // A kernel that cannot swap has no such file.
    (bool, string) LookAtSwap() => !surroundings.Exists("/proc/swaps") ? (true, "The kernel cannot swap.")
        : surroundings.Read("/proc/swaps") is not { } swaps ? (false, "/proc/swaps cannot be read.")
        : swaps.Split('\n').Length <= 1 ? (true, "There is no swap.")
        : (false, $"Memory is swapped to {string.Join(", ", swaps.Split('\n').Skip(1).Select(line => line.Split(' ', '\t')[0]))}.");

    (bool, string) LookAtCoreDumps()
    {
        const string Label = "Max core file size";
        if (!surroundings.Exists("/proc/sys/kernel/core_pattern"))
        {
            return (true, "The kernel writes no core dumps.");
        }

        // No limit holds for what the kernel hands to a program.
        if (surroundings.Read("/proc/sys/kernel/core_pattern") is { } pattern && pattern.StartsWith('|'))
        {
            return (false, $"A crash hands its memory to {pattern[1..]}: write another name into /proc/sys/kernel/core_pattern.");
        }

        var line = surroundings.Read("/proc/self/limits")?.Split('\n').FirstOrDefault(line => line.StartsWith(Label, StringComparison.Ordinal));
        var limit = line?[Label.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return limit == "0"
            ? (true, "Core files are limited to nothing.")
            : (false, $"A crash may leave a core file (limit: {limit ?? "unknown"}): start the program with ulimit -c 0.");
    }

    // Programs compiled ahead of time have neither a debugger's port nor a dump of their own.
    (bool, string) LookAtDiagnostics() => !RuntimeFeature.IsDynamicCodeSupported
        ? (true, "The program was compiled ahead of time, without the runtime's diagnostics.")
        : Setting("EnableDiagnostics") != "0"
            ? (false, "The runtime's diagnostics are on: set DOTNET_EnableDiagnostics=0 in the image.")
            : Setting("DbgEnableMiniDump") is not (null or "" or "0")
                ? (false, "The runtime dumps its memory when it crashes: unset DOTNET_DbgEnableMiniDump.")
                : (true, "The runtime's diagnostics are off.");

    // The runtime takes the older name as well.
    string? Setting(string name) => surroundings.Variable($"DOTNET_{name}") ?? surroundings.Variable($"COMPlus_{name}");

    (bool, string) LookAtKernel()
    {
        var release = surroundings.Read("/proc/sys/kernel/osrelease") ?? "";
        // "6.12.107-nitro-enclave", "6.12.107+deb13-cloud-amd64"
        return Version.TryParse(release.Split('-', '+')[0], out var version)
            ? (version >= s_oldestKernel, $"The kernel is {release}{(version >= s_oldestKernel ? "" : $", older than {s_oldestKernel}")}.")
            : (false, $"The kernel's version '{release}' cannot be understood.");
    }

    (bool, string) LookAtPermissions()
    {
        const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        return surroundings.Mode(nsmPath) is not { } mode ? (false, $"There is no {nsmPath}.")
            : (mode & Others) == 0 ? (true, $"{nsmPath} is closed to other users.")
            : (false, $"Every process may use {nsmPath} (mode {Convert.ToString((int)mode, 8)}): take the others' permissions, and run what needs none as another user.");
    }
}
