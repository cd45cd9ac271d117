using System.Text;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The sample that has KMS decrypt a secret, published as its README says, in images that reach an emulator of KMS.</summary>
static class KmsSecretSample
{
    const string Program = "KmsSecret";

    static readonly string s_published = Path.Combine(Checkout.Scratch, "kms-secret");

    /// <summary>Publishes the sample.</summary>
    public static Task PublishAsync() =>
        Tool.RunAsync("dotnet", ["publish", Checkout.In("samples", "KmsSecret"), "-c", "Release", "-o", s_published, "-v", "quiet", "-nologo"]);

    /// <summary>An image of the published program.</summary>
    public static GuestImage Build() => Build("kms-secret", FileContent.FromFile(Path.Combine(s_published, Program)));

    /// <summary>An image of the same program with one byte changed: a letter of what it prints.</summary>
    public static GuestImage BuildChanged()
    {
        var program = File.ReadAllBytes(Path.Combine(s_published, Program));
        var text = Encoding.Unicode.GetBytes(" answers at ");
        var place = program.AsSpan().IndexOf(text);
        Assert.True(place > 0, "The program does not hold the text that it prints.");
        program[place + 2] ^= 0x20;
        return Build("kms-secret-changed", FileContent.FromMemory(program));
    }

    static GuestImage Build(string name, FileContent program)
    {
        var root = RootFileSystem.FromFolder(Checkout.RuntimeLibraries);
        root.Set($"app/{Program}", FileNode.RegularFile(program, UnixFileMode.UserExecute | UnixFileMode.UserRead));
        return GuestImage.Build(name, root, new ProgramDescription
        {
            Command = [$"/app/{Program}"],
            Environment = ["KMS_EMULATOR=http://kms.emulator:8000"],
        });
    }
}
