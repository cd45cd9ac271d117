using System.Collections.Concurrent;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Compiles the guests' programs, <c>Guests/*.c</c>, each once a run: static, so that a guest needs nothing beside them.</summary>
static class GuestPrograms
{
    static readonly ConcurrentDictionary<string, Lazy<Task<string>>> s_compiled = new();

    /// <summary>The compiled program.</summary>
    /// <param name="source">The source's name without its ending.</param>
    /// <param name="name">The program's name, where that is not the source's.</param>
    /// <param name="more">Whatever is to be compiled into it as well.</param>
    public static Task<string> CompileAsync(string source, string? name = null, params string[] more) =>
        s_compiled.GetOrAdd(name ?? source, name => new Lazy<Task<string>>(() => RunCompilerAsync(source, name, more))).Value;

    static async Task<string> RunCompilerAsync(string source, string name, string[] more)
    {
        var program = Path.Combine(Directory.CreateDirectory(Path.Combine(Checkout.Scratch, "guests")).FullName, name);
        var result = await Tool.TryRunAsync(
            "gcc", ["-O2", "-static", "-s", "-Wall", "-Wextra", "-Werror", "-o", program, Checkout.In("tests", "EndToEnd", "Guests", $"{source}.c"), .. more]);
        return result.ExitCode == 0
            ? program
            : throw new InvalidOperationException($"{source}.c does not compile (gcc and the static C library come with eng/setup):\n{result.Error}");
    }
}
