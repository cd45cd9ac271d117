using System.Text;
using NitroEnclaves.Images;
using NitroEnclaves.Init;

namespace NitroEnclaves.Enclaves;

/// <summary>What an image says about the program to run, with its user looked up: what nitro-init would do with it.</summary>
/// <param name="Command">Arguments, environment, working directory and search path.</param>
/// <param name="User">As whom it runs; null for root.</param>
sealed record EnclaveProgram(ImageCommand Command, UserIdentity? User)
{
    /// <summary>The paths at which the program is looked for, in order: it has a slash in its name, or stands in a folder of the search path.</summary>
    public IEnumerable<byte[]> Candidates => HasPath
        ? [Command.Arguments[0]]
        : Command.SearchPath.Split(':').Select(folder => (byte[])[.. Encoding.UTF8.GetBytes($"{folder.TrimEnd('/')}/"), .. Command.Arguments[0]]);

    /// <summary>The program for messages, and where it is looked for.</summary>
    public string Name => HasPath
        ? Encoding.UTF8.GetString(Command.Arguments[0])
        : $"{Encoding.UTF8.GetString(Command.Arguments[0])} (looked for in {Command.SearchPath})";

    bool HasPath => Command.Arguments[0].AsSpan().Contains((byte)'/');

    /// <summary>Reads it from the image's ramdisks.</summary>
    /// <exception cref="EnclaveException">The image does not say what to run, or its user is unknown (<see cref="EnclaveFailure.BootFailure"/>).</exception>
    public static EnclaveProgram Read(RootFileSystem ramdisks, RootFileSystem root) => Resolve(root, () => ImageCommand.From(
        Content(ramdisks, "cmd") ?? throw Missing("cmd"), Content(ramdisks, "env") ?? throw Missing("env"),
        Content(ramdisks, "workdir"), Content(ramdisks, "user")));

    /// <summary>Takes it from a description, as if that had gone through an image.</summary>
    /// <exception cref="EnclaveException">Its user is unknown (<see cref="EnclaveFailure.BootFailure"/>).</exception>
    public static EnclaveProgram Read(ProgramDescription description, RootFileSystem root) => Resolve(root, () => ImageCommand.From(
        description.EncodeCommand(), description.EncodeEnvironment(), description.EncodeWorkingDirectory(), description.EncodeUser()));

    static EnclaveProgram Resolve(RootFileSystem root, Func<ImageCommand> read)
    {
        try
        {
            var command = read();
            return new EnclaveProgram(
                command, command.User is { } user ? UserIdentity.Resolve(user, Lines(root, "etc/passwd"), Lines(root, "etc/group")) : null);
        }
        catch (InitException exception)
        {
            throw new EnclaveException(EnclaveFailure.BootFailure, $"The image's program cannot be started: {exception.Message}.", exception);
        }
    }

    static string[] Lines(RootFileSystem root, string path) =>
        Content(root, path) is { } bytes ? Encoding.UTF8.GetString(bytes).Split('\n') : [];

    static byte[]? Content(RootFileSystem files, string path)
    {
        const int Longest = 16 * 1024 * 1024;
        if (files.Find(path) is not { Type: FileNodeType.RegularFile } node)
        {
            return null;
        }

        if (node.Content.Length > Longest)
        {
            throw new InitException($"/{path} has {node.Content.Length} bytes");
        }

        using var stream = node.Content.OpenRead();
        var bytes = new byte[node.Content.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    static InitException Missing(string name) => new($"the ramdisk has no /{name}");
}
