using System.CommandLine;
using System.Globalization;
using System.Numerics;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro run-enclave</c>: starts an image and returns once its heartbeat came.</summary>
static class RunEnclaveCommand
{
    const string Name = "run-enclave";

    // One of these says what is started; an equals sign and a value may follow.
    static readonly string[] s_sources = ["--eif-path", "--kernel", "--rootfs", "--config"];

    static readonly TimeSpan LongestBootTimeout = TimeSpan.FromDays(1);

    /// <summary>Whether the arguments look as if they start an enclave, which is found out for certain only later.</summary>
    public static bool Starts(string[] arguments) =>
        arguments is [Name, ..] && arguments.Any(argument => s_sources.Any(source => argument.StartsWith(source, StringComparison.Ordinal)));

    public static Command Create(EnclaveLauncher launcher)
    {
        var eif = new Option<string?>("--eif-path") { HelpName = "FILE", Description = "The image." };
        var kernel = new Option<string?>("--kernel") { HelpName = "FILE", Description = "A kernel, to be put together with --initrd and --append instead of an image." };
        var initrds = new Option<string[]>("--initrd") { HelpName = "FILE", Description = "A ramdisk for --kernel. May be repeated; PCR1 covers the first." };
        var append = new Option<string?>("--append") { HelpName = "TEXT", Description = "The command line for --kernel." };
        var memory = new Option<string?>("--memory") { HelpName = "MiB", Description = "Memory in MiB, or with M, G or T." };
        var cpuCount = new Option<string?>("--cpu-count") { HelpName = "N", Description = "How many vCPUs." };
        var cpuIds = new Option<string[]>("--cpu-ids") { HelpName = "N", Description = "Which CPUs.", AllowMultipleArgumentsPerToken = true };
        var cid = new Option<string?>("--enclave-cid") { HelpName = "CID", Description = "The enclave's CID, 4 or above (default: a free one)." };
        var debug = new Option<bool>("--debug-mode") { Description = "Let the console be read; PCR0, 1, 2 and 8 are zero in its documents." };
        var attach = new Option<bool>("--attach-console") { Description = "Show the console at once; implies --debug-mode." };
        var forwards = new Option<string[]>("--forward") { HelpName = "FROM=TO", Description = "Emulation: bridge TCP and vsock: tcp:8080=vsock:5000 or vsock:5000=tcp:8080. May be repeated." };
        var allowed = new Option<uint[]>("--vsock-allow") { HelpName = "CID", Description = "Emulation: another enclave that this one may dial. May be repeated.", AllowMultipleArgumentsPerToken = true };
        var name = new Option<string?>("--enclave-name") { HelpName = "NAME", Description = "The enclave's name (default: the image file's)." };
        var engine = new Option<EngineChoice>("--engine") { Description = "What runs the enclave: auto, nitro, qemu, machine or process." };
        var role = new Option<string?>("--parent-role") { HelpName = "ARN", Description = "Emulation: the parent's IAM role, which makes PCR3." };
        var parent = new Option<string?>("--parent-id") { HelpName = "i-...", Description = "Emulation: the parent's instance id, which makes PCR4." };
        var module = new Option<string?>("--module-id") { HelpName = "i-...-enc...", Description = "Emulation: the enclave's id and module id." };
        var authority = new Option<string?>("--authority") { HelpName = "DIR", Description = "Emulation: the local authority that signs its documents." };
        var restart = new RestartOptions();
        var rootFolder = new RootFolderOptions();
        var bootTimeout = new Option<double?>("--boot-timeout") { HelpName = "SECONDS", Description = "How long the heartbeat may take (default: 180 seconds and more for large images and memories)." };
        var config = new Option<string?>("--config") { HelpName = "FILE", Description = "A JSON file with all of this instead: eif_path, memory_mib, cpu_count or cpu_ids, ..." };
        var command = new Command(Name, "Start an enclave and wait for its heartbeat. What becomes of it is written to nitro_enclaves.log in $NITRO_CLI_LOGS_PATH, /var/log/nitro_enclaves or ~/.local/state/nitro-enclaves, and to the journal when started by systemd.")
        {
            eif, kernel, initrds, append, memory, cpuCount, cpuIds, cid, debug, attach, name, engine, role, parent, module, authority, config, forwards, allowed,
            bootTimeout,
        };
        restart.AddTo(command);
        rootFolder.AddTo(command);
        Option[] ofFile = [eif, kernel, initrds, append, memory, cpuCount, cpuIds, cid, debug, name];
        command.Validators.Add(result =>
        {
            rootFolder.Check(result);
            if (result.GetResult(config) is not { Implicit: false })
            {
                if (result.GetResult(memory) is null)
                {
                    result.AddError("Option '--memory' is required.");
                }

                if (result.GetResult(eif) is null && result.GetResult(kernel) is null && !rootFolder.IsMeant(result))
                {
                    result.AddError("Option '--eif-path' is required (or --kernel, --initrd and --append, or --rootfs).");
                }

                if (result.GetResult(cpuCount) is null == result.GetResult(cpuIds) is null)
                {
                    result.AddError("Exactly one of --cpu-count, --cpu-ids is needed.");
                }
            }
            else if (rootFolder.IsMeant(result))
            {
                result.AddError("Option '--config' excludes '--rootfs': the file names an image.");
            }
            else if (ofFile.FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } other)
            {
                result.AddError($"Option '--config' excludes '{other.Name}': the file says it.");
            }
        });
        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(async () =>
        {
            var file = parsed.GetValue(config) is { } path ? RunEnclaveConfiguration.Load(path) : null;
            var ids = parsed.GetValue(cpuIds) ?? [];
            var options = (file?.ToOptions() ?? new EnclaveOptions
            {
                EifPath = parsed.GetValue(eif),
                KernelPath = parsed.GetValue(kernel),
                InitrdPaths = parsed.GetValue(initrds) ?? [],
                CommandLine = parsed.GetValue(append),
                RootFolder = rootFolder.Read(parsed),
                MemoryMiB = MemorySize.ParseMiB(parsed.GetValue(memory)!),
                CpuCount = parsed.GetValue(cpuCount) is { } count ? Number<uint>(cpuCount, count) : null,
                CpuIds = ids.Length > 0 ? [.. ids.Select(id => Number<uint>(cpuIds, id))] : null,
                EnclaveCid = parsed.GetValue(cid) is { } number ? Number<ulong>(cid, number) : null,
                DebugMode = parsed.GetValue(debug),
                Name = parsed.GetValue(name),
            }) with
            {
                ParentRoleArn = parsed.GetValue(role),
                ParentInstanceId = parsed.GetValue(parent),
                ModuleId = parsed.GetValue(module),
                AuthorityPath = parsed.GetValue(authority),
                Forwards = parsed.GetValue(forwards) ?? [],
                VsockAllow = parsed.GetValue(allowed) ?? [],
                BootTimeout = parsed.GetValue(bootTimeout) is { } seconds ? BootTimeout(seconds) : null,
            };
            options = options with { Restart = restart.Over(options.Restart, parsed) };
            var attached = parsed.GetValue(attach) || file?.AttachConsole == true;
            options = options with
            {
                DebugMode = options.DebugMode || attached || options.RootFolder is not null,
                AttachConsole = attached,
                // Scripts written for nitro-cli mean a real enclave: an emulated one in its place would be a surprise.
                Engine = parsed.GetResult(engine) is { Implicit: false } ? parsed.GetValue(engine)
                    : options.Engine == EngineChoice.Auto && CallName.IsNitroCli ? EngineChoice.Nitro
                    : options.Engine,
            };
            if (options.EnclaveCid == 0)
            {
                await Console.Error.WriteLineAsync("CID 0 takes a free one.");
            }

            options.Validate();
            await using var enclave = await StartAsync(launcher, options, cancellationToken);
            Console.Out.WriteLine(EnclaveJson.Write(enclave.Info));
            if (attached)
            {
                await AttachAsync(enclave, cancellationToken);
            }

            return ExitCodes.Success;
        }));
        return command;
    }

    static async Task<LaunchedEnclave> StartAsync(EnclaveLauncher launcher, EnclaveOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await launcher.StartAsync(options, new StandardErrorProgress(), cancellationToken);
        }
        catch (EnclaveException exception) when (CallName.IsNitroCli)
        {
            // nitro-cli's background process tells the cause, and then the command that it had no good answer, with which it exits.
            await CommandErrors.TellAsync(exception.NitroCliCode, exception.Message, exception);
            await Console.Error.WriteLineAsync("Failed connections: 1");
            throw new CommandFailure(39, "The enclave was not started: see the error above.");
        }
    }

    // Shows the console, and for those who do not expect nitro-cli's words alone, how the enclave ended.
    static async Task AttachAsync(LaunchedEnclave enclave, CancellationToken cancellationToken)
    {
        var registry = new EnclaveRegistry();
        var isFollowed = false;
        try
        {
            await ConsoleCommand.FollowAsync(registry, registry.Find(enclave.Info.EnclaveId), null, cancellationToken);
            isFollowed = true;
        }
        catch (EnclaveException exception) when (exception.Failure == EnclaveFailure.NoSuchEnclave || registry.List().All(entry => entry.Id != enclave.Info.EnclaveId))
        {
            // It has ended, and nobody could attach any more: its end has the last lines.
        }

        var end = await enclave.WaitAsync(cancellationToken);
        if (!isFollowed)
        {
            WriteTail(end, Console.Out);
        }

        if (!CallName.IsNitroCli)
        {
            await Console.Error.WriteLineAsync(end.Explanation);
        }
    }

    /// <summary>Writes the console's last lines, of which the last has lost its line feed; what comes next begins a line of its own.</summary>
    internal static void WriteTail(EnclaveEnd end, TextWriter output)
    {
        if (end.ConsoleTail is { } tail)
        {
            output.WriteLine(tail);
        }
    }

    // Not the parser's business: nitro-cli tells these with a code of their own.
    static T Number<T>(Option option, string text)
        where T : struct, INumberBase<T> => T.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new CommandFailure(3, $"The parameter `{option.Name.TrimStart('-')}` is not a valid integer (`{text}`)");

    static TimeSpan BootTimeout(double seconds) => seconds > 0 && seconds <= LongestBootTimeout.TotalSeconds
        ? TimeSpan.FromSeconds(seconds)
        : throw new EnclaveException(EnclaveFailure.InvalidArgument, $"A boot takes more than 0 and at most {LongestBootTimeout.TotalSeconds:0} seconds, not {seconds}.");
}
