using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// A root file system that lies unpacked in a folder of this machine, and what to start in it: what the process engine takes in an image's
/// place. Nobody has measured it, so an enclave of it runs in debug mode only and has zero in PCR0, 1, 2 and 8.
/// </summary>
public sealed record RootFolder
{
    /// <summary>The folder. It is read at each start and never written to; all files belong to root in the enclave, as in a built image.</summary>
    public required string Path { get; init; }

    /// <summary>What to start. An image of the same folder and program starts it in the same way.</summary>
    public required ProgramDescription Program { get; init; }

    /// <summary>Refuses what an image could not hold either.</summary>
    /// <exception cref="EnclaveException">There is no program, or a part of it is malformed.</exception>
    internal void Validate()
    {
        if (Program.Command.Count == 0)
        {
            throw new EnclaveException(EnclaveFailure.MissingArgument, "A root file system does not say what to start: name the program after --.");
        }

        try
        {
            Program.EncodeCommand();
            Program.EncodeEnvironment();
            Program.EncodeWorkingDirectory();
            Program.EncodeUser();
        }
        catch (ArgumentException exception)
        {
            throw new EnclaveException(EnclaveFailure.InvalidArgument, exception.Message, exception);
        }
    }
}
