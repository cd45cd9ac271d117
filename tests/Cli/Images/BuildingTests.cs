using System.Buffers.Binary;
using System.Text.Json.Nodes;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Tests;

/// <summary>build-enclave from each kind of source that is a file or a folder.</summary>
public sealed class BuildingTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly string[] _parts;

    static readonly JsonObject s_config = new()
    {
        ["Entrypoint"] = new JsonArray("/bin/app"),
        ["Cmd"] = new JsonArray("--flag", "value"),
        ["Env"] = new JsonArray("PATH=/bin", "A=1"),
        ["WorkingDir"] = "/srv/data",
        ["User"] = "app:staff",
    };

    static readonly (string, string)[] s_files =
        [("bin/app", "#!/bin/sh"), ("etc/passwd", "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n"), ("etc/group", "staff:x:50:\n")];

    public BuildingTests() =>
        _parts = ["--kernel", _folder.Write("kernel", "kernel"), "--init", _folder.Write("init", "init"), "--output-file", _folder["a.eif"]];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Plain_parts_as_eif_build_puts_them_together()
    {
        string Input(string name) => TestVectors.Own("eif", "inputs", name);
        NitroCommand.Run(
            ["build-enclave", "--kernel", Input("kernel_a.bin"), "--ramdisk", Input("ramdisk_boot.bin"), "--ramdisk", Input("ramdisk_app.bin"), "--output-file", _folder["a.eif"],
            "--cmdline", "reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd random.trust_cpu=on",
            "--build-time", "2024-01-02T03:04:05.678901234+00:00", "--build-tool", "eif_build", "--build-tool-version", "0.3.1", "--img-os", "OS", "--img-kernel", "kernel"]).Succeeded();

        Assert.Equal(File.ReadAllBytes(TestVectors.Own("eif", "eif", "02_x86_2rd.eif")), File.ReadAllBytes(_folder["a.eif"]));
    }

    [Fact]
    public void Container_image_brings_its_program()
    {
        File.WriteAllBytes(_folder["image.tar"], DockerArchiveFile.Write(s_config, s_files));

        Build("--container-image", _folder["image.tar"], "--reference", "app:1");

        using var files = Open(out var image);
        using (image)
        {
            Assert.Equal(["/bin/app", "--flag", "value"], Lines(files, "cmd"));
            Assert.Equal(["PATH=/bin", "A=1"], Lines(files, "env"));
            Assert.Equal(["/srv/data"], Lines(files, "workdir"));
            Assert.Equal(["app:staff"], Lines(files, "user"));
            Assert.Equal(FileNodeType.Directory, files.Find("rootfs/srv/data")!.Type);
        }
    }

    [Fact]
    public void Command_line_has_the_last_word()
    {
        File.WriteAllBytes(_folder["image.tar"], DockerArchiveFile.Write(s_config, s_files));
        _folder.Write("more/motd", "hello");

        Build("--container-image", _folder["image.tar"], "--directory", _folder["more"] + ":/etc", "--env", "A=2", "--env", "B=3", "--workdir", "/etc", "--user", "7", "--", "/bin/sh", "-c", "true");

        using var files = Open(out var image);
        using (image)
        {
            Assert.Equal(["/bin/sh", "-c", "true"], Lines(files, "cmd"));
            Assert.Equal(["PATH=/bin", "A=2", "B=3"], Lines(files, "env"));
            Assert.Equal(["/etc"], Lines(files, "workdir"));
            Assert.Equal(["7"], Lines(files, "user"));
            Assert.Equal(["hello"], Lines(files, "rootfs/etc/motd"));
        }
    }

    [Fact]
    public void Unknown_user_is_found_at_once()
    {
        File.WriteAllBytes(_folder["image.tar"], DockerArchiveFile.Write(s_config, s_files));

        AssertFails("The image's user nobody is not in its /etc/passwd.", "--container-image", _folder["image.tar"], "--user", "nobody");
        AssertFails("The image's group other is not in its /etc/group.", "--container-image", _folder["image.tar"], "--user", "app:other");
    }

    [Fact]
    public void Nitro_cli_layout_from_an_export_is_nitro_clis_to_the_byte()
    {
        string Input(string name) => TestVectors.Own("eif", "ramdisk", "in", name);
        NitroCommand.Run(
            ["build-enclave", "--profile", "nitro-cli", "--rootfs-tar", Input("full.tar"), "--kernel", _folder["kernel"], "--init", Input("init"), "--nsm-module", Input("nsm.ko"), "--output-file", _folder["a.eif"],
            .. File.ReadAllLines(Input("env")).SelectMany(line => (string[])["--env", line]), "--", .. File.ReadAllLines(Input("cmd"))]).Succeeded();
        NitroCommand.Run(["extract-eif", "--eif-path", _folder["a.eif"], "--output-dir", _folder["out"]]).Succeeded();

        Assert.Equal(File.ReadAllBytes(TestVectors.Own("eif", "ramdisk", "out", "bootstrap-initrd.img")), File.ReadAllBytes(Path.Combine(_folder["out"], "ramdisk-1")));
        Assert.Equal(File.ReadAllBytes(TestVectors.Own("eif", "ramdisk", "out", "customer-full-initrd.img")), File.ReadAllBytes(Path.Combine(_folder["out"], "ramdisk-2")));
    }

    [Fact]
    public void Nitro_cli_profile_takes_the_blobs_and_CMD_alone()
    {
        File.WriteAllBytes(_folder["image.tar"], DockerArchiveFile.Write(s_config, s_files));
        foreach (var name in (string[])["bzImage", "init", "nsm.ko"])
        {
            _folder.Write("blobs/" + name, name);
        }

        _folder.Write("blobs/cmdline", "reboot=k panic=30\n");
        NitroCommand.Run(["build-enclave", "--profile", "nitro-cli", "--container-image", _folder["image.tar"], "--output-file", _folder["a.eif"]], "", ("NITRO_CLI_BLOBS", _folder["blobs"])).Succeeded();

        using var files = Open(out var image);
        using (image)
        {
            Assert.Equal("reboot=k panic=30", image.CommandLine);
            Assert.Equal(["--flag", "value"], Lines(files, "cmd"));
            Assert.Equal(["nsm.ko"], Lines(files, "nsm.ko"));
            Assert.Null(files.Find("user"));
        }
    }

    [Fact]
    public void Published_program_is_found_and_started()
    {
        WriteProgram("publish/Service", machine: 62);
        _folder.Write("publish/Service.runtimeconfig.json", """{"runtimeOptions":{"includedFrameworks":[{"name":"Microsoft.NETCore.App","version":"10.0.0"}]}}""");

        Build("--publish", _folder["publish"]);

        using var files = Open(out var image);
        using (image)
        {
            Assert.Equal(["/app/Service"], Lines(files, "cmd"));
            Assert.Null(files.Find("rootfs/lib64"));
        }
    }

    [Fact]
    public void With_the_runtime_libraries_come_accounts_unless_there_are_some()
    {
        WriteProgram("publish/Service", machine: 62);
        _folder.Write("publish/Service.runtimeconfig.json", """{"runtimeOptions":{"includedFrameworks":[{"name":"Microsoft.NETCore.App","version":"10.0.0"}]}}""");
        _folder.Write("own/etc/passwd", "app:x:1000:1000::/home/app:/bin/sh\n");

        Build("--publish", _folder["publish"], "--runtime-libraries");
        using (var files = Open(out var image))
        using (image)
        {
            Assert.Equal(["root:x:0:0:root:/:/sbin/nologin"], Lines(files, "rootfs/etc/passwd"));
            Assert.Equal(["root:x:0:"], Lines(files, "rootfs/etc/group"));
        }

        Build("--publish", _folder["publish"], "--runtime-libraries", "--directory", _folder["own"]);
        using (var files = Open(out var image))
        using (image)
        {
            Assert.Equal(["app:x:1000:1000::/home/app:/bin/sh"], Lines(files, "rootfs/etc/passwd"));
        }
    }

    [Fact]
    public void What_cannot_run_in_an_enclave_is_refused_with_what_to_do()
    {
        WriteProgram("publish/Service", machine: 183);
        AssertFails("is for another processor than the image (x86_64)", "--publish", _folder["publish"]);
        _folder.Write("publish/Service.runtimeconfig.json", """{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"10.0.0"}}}""");
        AssertFails("publish with --self-contained", "--publish", _folder["publish"]);
        AssertFails("does not exist", "--publish", _folder["nowhere"]);
        AssertFails("is no container image", "--container-image", _folder["publish"]);
    }

    [Fact]
    public void Aarch64_names_the_parts_it_needs_and_takes_them()
    {
        WriteProgram("publish/Service", machine: 183);
        WriteProgram("arm-init", machine: 183);
        WriteProgram("x86-init", machine: 62);
        string[] common = ["build-enclave", "--arch", "aarch64", "--publish", _folder["publish"], "--output-file", _folder["a.eif"]];

        var missing = NitroCommand.Run(common);
        var wrong = NitroCommand.Run([.. common, "--kernel", _folder["kernel"], "--init", _folder["x86-init"]]);
        NitroCommand.Run([.. common, "--kernel", _folder["kernel"], "--init", _folder["arm-init"]]).Succeeded();

        Assert.Equal((48, 48), (missing.ExitCode, wrong.ExitCode));
        Assert.Contains("a kernel (--kernel) and an init (--init)", missing.Error, StringComparison.Ordinal);
        Assert.Contains("is for x86_64, the image for aarch64", wrong.Error, StringComparison.Ordinal);
        using var image = EifFile.Open(_folder["a.eif"]);
        Assert.Equal(EifArchitecture.Arm64, image.Architecture);
    }

    [Fact]
    public void Local_engine_is_asked_first()
    {
        var archive = DockerArchiveFile.Write(s_config, s_files);
        using var engine = HttpStandIn.OnUnixSocket(_folder["engine.sock"], request => request.Path switch
        {
            "/images/app%3A1/json" => (200, "application/json", """{"Id":"sha256:1","Architecture":"amd64"}"""u8.ToArray()),
            "/images/app%3A1/get" => (200, "application/x-tar", archive),
            _ => (404, "application/json", "{}"u8.ToArray()),
        });

        var result = NitroCommand.Run(["build-enclave", "--docker-uri", "app:1", .. _parts], "", ("DOCKER_HOST", "unix://" + _folder["engine.sock"]));

        result.Succeeded();
        Assert.Contains("Using the locally available Docker image...", result.Error, StringComparison.Ordinal);
        Assert.Equal(["/images/app%3A1/json", "/images/app%3A1/get"], engine.Requests.Select(request => request.Path));
        using var files = Open(out var image);
        using (image)
        {
            Assert.Equal(["/bin/app", "--flag", "value"], Lines(files, "cmd"));
        }
    }

    [Fact]
    public void Same_input_same_bytes()
    {
        File.WriteAllBytes(_folder["image.tar"], DockerArchiveFile.Write(s_config, s_files));
        Build("--container-image", _folder["image.tar"], "--name", "same");
        var first = File.ReadAllBytes(_folder["a.eif"]);
        Build("--container-image", _folder["image.tar"], "--name", "same");

        Assert.Equal(first, File.ReadAllBytes(_folder["a.eif"]));
    }

    void Build(params string[] arguments) => NitroCommand.Run(["build-enclave", .. _parts, .. arguments]).Succeeded();

    void AssertFails(string message, params string[] arguments)
    {
        var result = NitroCommand.Run(["build-enclave", .. _parts, .. arguments]);

        Assert.Equal(48, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["a.eif"]));
    }

    RootFileSystem Open(out EifFile image)
    {
        image = EifFile.Open(_folder["a.eif"]);
        return image.ReadRamdisks();
    }

    static string[] Lines(RootFileSystem files, string path)
    {
        using var reader = new StreamReader(files.Find(path)!.Content.OpenRead());
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    // A static program without segments: enough to be recognised.
    void WriteProgram(string name, ushort machine)
    {
        var header = new byte[64];
        ((byte[])[0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]).CopyTo(header, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(18), machine);
        _folder.Write(name, "");
        File.WriteAllBytes(_folder[name], header);
    }
}
