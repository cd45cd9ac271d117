using System.CommandLine;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro run-enclave</c>: starts an image and returns once its heartbeat came.</summary>
static class RunEnclaveCommand
{
    public static Command Create()
    {
        var eif = new Option<string?>("--eif-path") { HelpName = "FILE", Description = "The image." };
        var kernel = new Option<string?>("--kernel") { HelpName = "FILE", Description = "A kernel, to be put together with --initrd and --append instead of an image." };
        var initrds = new Option<string[]>("--initrd") { HelpName = "FILE", Description = "A ramdisk for --kernel. May be repeated; PCR1 covers the first." };
        var append = new Option<string?>("--append") { HelpName = "TEXT", Description = "The command line for --kernel." };
        var memory = new Option<string>("--memory") { Required = true, HelpName = "MiB", Description = "Memory in MiB, or with M, G or T." };
        var cpuCount = new Option<uint?>("--cpu-count") { HelpName = "N", Description = "How many vCPUs." };
        var cpuIds = new Option<uint[]>("--cpu-ids") { HelpName = "N", Description = "Which CPUs.", AllowMultipleArgumentsPerToken = true };
        var cid = new Option<ulong?>("--enclave-cid") { HelpName = "CID", Description = "The enclave's CID, 4 or above (default: a free one)." };
        var debug = new Option<bool>("--debug-mode") { Description = "Let the console be read; PCR0, 1, 2 and 8 are zero in its documents." };
        var attach = new Option<bool>("--attach-console") { Description = "Show the console at once; implies --debug-mode." };
        var name = new Option<string?>("--enclave-name") { HelpName = "NAME", Description = "The enclave's name (default: the image file's)." };
        var engine = new Option<EngineChoice>("--engine") { Description = "What runs the enclave: auto, nitro, qemu, machine or process." };
        var role = new Option<string?>("--parent-role") { HelpName = "ARN", Description = "Emulation: the parent's IAM role, which makes PCR3." };
        var parent = new Option<string?>("--parent-id") { HelpName = "i-...", Description = "Emulation: the parent's instance id, which makes PCR4." };
        var module = new Option<string?>("--module-id") { HelpName = "i-...-enc...", Description = "Emulation: the enclave's id and module id." };
        var authority = new Option<string?>("--authority") { HelpName = "DIR", Description = "Emulation: the local authority that signs its documents." };
        var command = new Command("run-enclave", "Start an enclave and wait for its heartbeat.")
        {
            eif, kernel, initrds, append, memory, cpuCount, cpuIds, cid, debug, attach, name, engine, role, parent, module, authority,
        };
        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(async () =>
        {
            var ids = parsed.GetValue(cpuIds) ?? [];
            var options = new EnclaveOptions
            {
                EifPath = parsed.GetValue(eif),
                KernelPath = parsed.GetValue(kernel),
                InitrdPaths = parsed.GetValue(initrds) ?? [],
                CommandLine = parsed.GetValue(append),
                MemoryMiB = MemorySize.ParseMiB(parsed.GetRequiredValue(memory)),
                CpuCount = parsed.GetValue(cpuCount),
                CpuIds = ids.Length > 0 ? ids : null,
                EnclaveCid = parsed.GetValue(cid),
                DebugMode = parsed.GetValue(debug) || parsed.GetValue(attach),
                Name = parsed.GetValue(name),
                Engine = parsed.GetValue(engine),
                ParentRoleArn = parsed.GetValue(role),
                ParentInstanceId = parsed.GetValue(parent),
                ModuleId = parsed.GetValue(module),
                AuthorityPath = parsed.GetValue(authority),
            };
            await using var enclave = await EnclaveLauncher.ForThisProgram().StartAsync(options, new StandardErrorProgress(), cancellationToken);
            Console.Out.WriteLine(EnclaveJson.Write(enclave.Info));
            if (parsed.GetValue(attach))
            {
                var registry = new EnclaveRegistry();
                await ConsoleCommand.FollowAsync(registry, registry.Find(enclave.Info.EnclaveId), null, cancellationToken);
            }

            return ExitCodes.Success;
        }));
        return command;
    }
}
