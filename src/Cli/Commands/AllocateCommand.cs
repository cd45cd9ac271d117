using System.CommandLine;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro allocate</c>: sets CPUs and memory of a parent instance aside for enclaves.</summary>
static class AllocateCommand
{
    const int Failed = 1;

    public static Command Create()
    {
        var config = new Option<string>("--config")
        {
            Description = "What to set aside: memory_mib, and cpu_count or cpu_pool.",
            HelpName = "FILE",
            // The variable is nitro-cli's: where its files were installed below another folder than the root.
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("NITRO_CLI_INSTALL_DIR") + AllocatorConfiguration.DefaultPath,
        };
        var quiet = new Option<bool>("--quiet") { Description = "Print nothing but errors." };
        var command = new Command("allocate", "Set CPUs and huge pages of a Nitro parent instance aside for enclaves, as its allocator.yaml says.") { config, quiet };
        command.SetAction(parsed =>
        {
            try
            {
                var configuration = AllocatorConfiguration.Load(parsed.GetRequiredValue(config));
                var allocation = new EnclaveAllocator().Allocate(configuration);
                if (!parsed.GetValue(quiet))
                {
                    Print(allocation, configuration.MemoryMiB);
                }

                return ExitCodes.Success;
            }
            catch (EnclaveException exception)
            {
                // Not a code of nitro-cli's: the allocator of AWS's package is a script of its own, which exits with 1.
                Console.Error.WriteLine($"Error: {exception.Message}");
                return Failed;
            }
        });
        return command;
    }

    static void Print(EnclaveAllocation allocation, ulong asked)
    {
        foreach (var pages in allocation.Pages)
        {
            Console.Out.WriteLine($"- Reserved {pages.Count} pages of {pages.SizeText} on NUMA node {allocation.Node}.");
        }

        Console.Out.WriteLine($"- Set the CPUs {CpuList.Format(allocation.CpuPool)} aside.");
        Console.Out.WriteLine(
            $"Successfully allocated Nitro Enclaves resources: {allocation.MemoryMiB} MiB{(allocation.MemoryMiB > asked ? $" ({asked} asked for)" : "")}, {allocation.CpuPool.Count} CPUs");
    }
}
