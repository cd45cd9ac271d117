using System.Text;

namespace NitroEnclaves.Init;

/// <summary>What an image says about the program to run: the files beside <c>/rootfs</c> in its ramdisk.</summary>
/// <param name="Arguments">The program and its arguments, from <c>/cmd</c>; never empty.</param>
/// <param name="Environment">The program's variables as <c>NAME=value</c>, from <c>/env</c>; never empty.</param>
/// <param name="WorkingDirectory">Where it starts, from <c>/workdir</c>; "/" where the image does not say.</param>
/// <param name="User">As whom, in the form <c>user[:group]</c>, from <c>/user</c>; null means root.</param>
sealed record ImageCommand(
    IReadOnlyList<byte[]> Arguments, IReadOnlyList<byte[]> Environment, string WorkingDirectory, string? User)
{
    /// <summary>Where AWS's init looks for a program, and all the environment it gives to one that asked for none.</summary>
    internal const string DefaultPath = "/sbin:/usr/sbin:/bin:/usr/bin";

    /// <summary>Where the program is looked for: the image's own PATH, then the default one.</summary>
    internal string SearchPath
    {
        get
        {
            foreach (var variable in Environment)
            {
                if (variable.AsSpan().StartsWith("PATH="u8))
                {
                    return $"{Encoding.UTF8.GetString(variable.AsSpan("PATH=".Length))}:{DefaultPath}";
                }
            }

            return DefaultPath;
        }
    }

    /// <summary>Reads and deletes the files; the program never sees them, and their memory is free again.</summary>
    /// <param name="folder">Where they are: "/".</param>
    /// <exception cref="InitException">A file is missing or malformed.</exception>
    internal static ImageCommand Take(string folder) => From(
        TakeFile(folder, "cmd") ?? throw Missing("cmd"),
        TakeFile(folder, "env") ?? throw Missing("env"),
        TakeFile(folder, "workdir"),
        TakeFile(folder, "user"));

    /// <summary>Puts the contents of the files together; null for a file that is not there.</summary>
    /// <exception cref="InitException">A file is malformed.</exception>
    internal static ImageCommand From(byte[] cmd, byte[] env, byte[]? workdir, byte[]? user)
    {
        var arguments = LineFile.Split("/cmd", cmd);
        var environment = LineFile.Split("/env", env);
        // Both defaults are those of AWS's init.
        if (arguments.Count == 0)
        {
            arguments.Add("sh"u8.ToArray());
        }

        if (environment.Count == 0)
        {
            environment.Add(Encoding.UTF8.GetBytes($"PATH={DefaultPath}"));
        }

        var directory = SingleLine("/workdir", workdir) ?? "/";
        return directory.StartsWith('/')
            ? new ImageCommand(arguments, environment, directory, SingleLine("/user", user))
            : throw new InitException($"the working directory in /workdir is not absolute: {directory}");
    }

    static string? SingleLine(string path, byte[]? content)
    {
        if (content is null)
        {
            return null;
        }

        var lines = LineFile.Split(path, content);
        return lines is [{ Length: > 0 } line]
            ? Encoding.UTF8.GetString(line)
            : throw new InitException($"{path} must hold one line, not {lines.Count}");
    }

    static byte[]? TakeFile(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
        {
            return null;
        }

        var content = File.ReadAllBytes(path);
        File.Delete(path);
        return content;
    }

    // The usual cause of a file that every image has and this one lacks.
    static InitException Missing(string name) => new(
        $"the ramdisk has no /{name}: the image is incomplete, or too large for the enclave's memory and cut short while it was unpacked");
}
