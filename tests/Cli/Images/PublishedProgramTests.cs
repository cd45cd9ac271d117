using System.Buffers.Binary;
using System.Text;
using NitroEnclaves.Cli.Building;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Tests;

/// <summary>What --publish finds in the output of dotnet publish.</summary>
public sealed class PublishedProgramTests : IDisposable
{
    const string Loader = "/lib64/ld-linux-x86-64.so.2";
    const string Musl = "/lib/ld-musl-x86_64.so.1";

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Loader, true)]
    [InlineData(null, false)]
    public void A_single_file_is_the_program(string? loader, bool needsRuntimeLibraries)
    {
        Write("service", Elf(62, loader));
        File.WriteAllText(_folder["service.pdb"], "symbols");
        Assert.Equal(new PublishedProgram("service", needsRuntimeLibraries), PublishedProgram.Find(_folder.Path, EifArchitecture.X64));
    }

    [Fact]
    public void The_one_with_a_runtime_configuration_is_the_program()
    {
        Write("service", Elf(62, Loader));
        Write("other", Elf(62, Loader));
        File.WriteAllText(_folder["service.runtimeconfig.json"], """{"runtimeOptions": {"includedFrameworks": []}}""");
        Assert.Equal("service", PublishedProgram.Find(_folder.Path, EifArchitecture.X64).Name);
    }

    [Theory]
    [InlineData((ushort)183, Loader, "another processor")]
    [InlineData((ushort)62, Musl, "musl")]
    public void What_does_not_run_in_the_image_is_refused(ushort machine, string loader, string message)
    {
        Write("service", Elf(machine, loader));
        Assert.Contains(message, Assert.Throws<CommandFailure>(() => PublishedProgram.Find(_folder.Path, EifArchitecture.X64)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_self_contained_is_refused()
    {
        Write("service", Elf(62, Loader));
        File.WriteAllText(_folder["service.runtimeconfig.json"], """{"runtimeOptions": {"framework": {}}}""");
        Assert.Contains("--self-contained", Assert.Throws<CommandFailure>(() => PublishedProgram.Find(_folder.Path, EifArchitecture.X64)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_program_is_refused()
    {
        File.WriteAllText(_folder["service"], "#!/bin/sh\n");
        Assert.Contains("no published program", Assert.Throws<CommandFailure>(() => PublishedProgram.Find(_folder.Path, EifArchitecture.X64)).Message, StringComparison.Ordinal);
    }

    void Write(string name, byte[] bytes) => File.WriteAllBytes(_folder[name], bytes);

    // A header, one program header, and the loader's name.
    static byte[] Elf(ushort machine, string? loader)
    {
        var name = Encoding.ASCII.GetBytes((loader ?? "") + "\0");
        var file = new byte[64 + 56 + name.Length];
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(file, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(18), machine);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(32), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(54), 56);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(56), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(64), loader is null ? 1u : 3u);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(64 + 8), 120);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(64 + 32), name.Length);
        name.CopyTo(file, 120);
        return file;
    }
}
