using System.Text.Json;
using System.Text.Json.Nodes;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// A container as Docker or Podman makes it by default, started by crun: the capabilities and the seccomp profile that they publish, masked
/// and read-only parts of /proc. Its root is this machine's, read-only, so that it has the command and all that this needs.
/// </summary>
sealed class Container(string profile, IReadOnlyList<string> capabilities)
{
    /// <summary>What Docker leaves to root in a container.</summary>
    public static IReadOnlyList<string> DockerCapabilities { get; } =
    [
        .. PodmanCapabilities, "CAP_MKNOD", "CAP_NET_RAW", "CAP_AUDIT_WRITE",
    ];

    /// <summary>What Podman leaves to root in a container.</summary>
    public static IReadOnlyList<string> PodmanCapabilities =>
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
        "CAP_SYS_CHROOT",
    ];

    /// <summary>Runs a program in the container to its end.</summary>
    public async Task<ToolResult> RunAsync(params string[] command)
    {
        var bundle = Directory.CreateTempSubdirectory("nitro-container-");
        try
        {
            var root = bundle.CreateSubdirectory("root").FullName;
            await File.WriteAllTextAsync(Path.Combine(bundle.FullName, "config.json"), Configuration(root, command).ToJsonString(), TestContext.Current.CancellationToken);
            // The root is a mount of its own, which pivot_root wants; without a view of control groups crun does not ask for any.
            return await Tool.TryRunAsync(
                "unshare",
                [
                    "--mount", "sh", "-c",
                    "mount -t tmpfs none /sys/fs/cgroup && mount --rbind / \"$0\" && exec crun --root \"$1/state\" --cgroup-manager=disabled run --bundle \"$1\" \"$2\"",
                    root, bundle.FullName, bundle.Name,
                ]);
        }
        finally
        {
            bundle.Delete(recursive: true);
        }
    }

    JsonObject Configuration(string root, string[] command) => new()
    {
        ["ociVersion"] = "1.0.2",
        ["process"] = new JsonObject
        {
            ["user"] = new JsonObject { ["uid"] = 0, ["gid"] = 0 },
            ["args"] = Array(command),
            ["env"] = Array(
            [
                $"PATH={Environment.GetEnvironmentVariable("PATH")}", $"HOME={Environment.GetEnvironmentVariable("HOME")}",
                "NITRO_CLI_SOCKETS_PATH=/dev/shm", "XDG_DATA_HOME=/dev/shm",
            ]),
            ["cwd"] = "/",
            ["capabilities"] = new JsonObject { ["bounding"] = Array(capabilities), ["effective"] = Array(capabilities), ["permitted"] = Array(capabilities) },
        },
        ["root"] = new JsonObject { ["path"] = root, ["readonly"] = true },
        ["mounts"] = new JsonArray(
            Mount("/proc", "proc"), Mount("/dev", "tmpfs", "nosuid", "mode=755"), Mount("/dev/pts", "devpts", "newinstance", "ptmxmode=0666", "mode=0620"),
            Mount("/dev/shm", "tmpfs", "nosuid", "nodev", "noexec"), Mount("/sys", "sysfs", "nosuid", "noexec", "nodev", "ro")),
        ["linux"] = new JsonObject
        {
            ["namespaces"] = new JsonArray([.. ((string[])["pid", "network", "ipc", "uts", "mount"]).Select(type => new JsonObject { ["type"] = type })]),
            ["seccomp"] = Seccomp(),
            ["maskedPaths"] = Array(["/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]),
            ["readonlyPaths"] = Array(["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]),
        },
    };

    // The published profiles say for which architectures and capabilities a rule holds; the runtime gets what is left for these.
    JsonObject Seccomp()
    {
        var published = JsonNode.Parse(File.ReadAllText(profile))!.AsObject();
        var rules = published["syscalls"]!.AsArray().Select(rule => rule!.AsObject()).Where(rule =>
            Names(rule, "includes", "arches") is var architectures && (architectures.Length == 0 || architectures.Contains("amd64"))
            && !Names(rule, "excludes", "arches").Contains("amd64")
            && Names(rule, "includes", "caps").All(capabilities.Contains) && !Names(rule, "excludes", "caps").Any(capabilities.Contains));
        var seccomp = new JsonObject
        {
            ["defaultAction"] = published["defaultAction"]!.DeepClone(),
            ["architectures"] = Array(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]),
            ["syscalls"] = new JsonArray([.. rules.Select(Rule)]),
        };
        if (published["defaultErrnoRet"] is { } error)
        {
            seccomp["defaultErrnoRet"] = error.DeepClone();
        }

        return seccomp;
    }

    static JsonObject Rule(JsonObject published)
    {
        var rule = new JsonObject();
        foreach (var key in (string[])["names", "action", "args", "errnoRet"])
        {
            if (published[key] is { } value)
            {
                rule[key] = value.DeepClone();
            }
        }

        return rule;
    }

    static string[] Names(JsonObject rule, string condition, string key) =>
        rule[condition] is JsonObject part && part[key] is JsonArray names ? [.. names.Select(name => name!.GetValue<string>())] : [];

    static JsonArray Array(IEnumerable<string> texts) => new([.. texts.Select(text => JsonValue.Create(text))]);

    static JsonObject Mount(string destination, string type, params string[] options) =>
        new() { ["destination"] = destination, ["type"] = type, ["source"] = type, ["options"] = Array(options) };
}
