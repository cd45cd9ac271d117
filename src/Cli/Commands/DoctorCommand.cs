using System.CommandLine;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro doctor</c>: which engines can run here, and what the others lack.</summary>
static class DoctorCommand
{
    public static Command Create()
    {
        var command = new Command("doctor", "Say which engines can run enclaves here and what the others lack.");
        command.SetAction(_ => CommandErrors.Run(() =>
        {
            foreach (var engine in EngineSelector.Probe(new EnclaveOptions()))
            {
                Console.Out.WriteLine($"{engine.Engine,-8} {(engine.IsAvailable ? "yes" : "no"),-4} {engine.Explanation}");
            }
        }));
        return command;
    }
}
