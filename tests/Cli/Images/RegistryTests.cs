using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Cli.Tests;

/// <summary>--docker-uri and --docker-dir against Debian's docker-registry and buildah on loopback, which eng/containers brings.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class RegistryTests : IDisposable
{
    // "sesame", by bcrypt.
    const string Passwords = "ali:$2b$04$auQS5A3nUqpNlzw3OUGGzugs8VvBGtI3HMl.p4ztwbnmO7FEtPfqu\n";

    readonly TemporaryFolder _folder = new();
    readonly int _port = FreePort();
    readonly string[] _parts;
    Process? _registry;

    public RegistryTests()
    {
        Run(Path.Combine(TestVectors.Root, "eng", "containers"));
        _parts = ["--kernel", _folder.Write("kernel", "kernel"), "--init", _folder.Write("init", "init"), "--cmdline", "c", "--name", "same"];
        _folder.Write("context/motd", "hello");
        _folder.Write("context/Dockerfile", "FROM scratch\nCOPY motd /etc/motd\nENV A=1\nUSER 1000:1000\nWORKDIR /srv\nENTRYPOINT [\"/bin/app\"]\nCMD [\"-x\"]\n");
        _folder.Write(".config/containers/policy.json", """{"default":[{"type":"insecureAcceptAnything"}]}""");
        _folder.Write("docker/config.json", "{}");
        _folder.Write("storage.conf", $"[storage]\ndriver=\"vfs\"\nrunroot=\"{_folder["run"]}\"\ngraphroot=\"{_folder["graph"]}\"\n");
    }

    public void Dispose()
    {
        _registry?.Kill();
        _registry?.WaitForExit();
        _registry?.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Image_from_a_registry_is_the_one_that_was_built_here()
    {
        StartRegistry(passwords: null);
        var fromFolder = Build("local.eif", "--docker-uri", $"localhost:{_port}/team/app:1", "--docker-dir", _folder["context"]).Succeeded();
        Run("buildah", "push", "--quiet", "--tls-verify=false", $"localhost:{_port}/team/app:1");
        var fromRegistry = Build("fetched.eif", "--docker-uri", $"localhost:{_port}/team/app:1").Succeeded();

        Assert.Equal(fromFolder, fromRegistry);
        Assert.Equal(File.ReadAllBytes(_folder["local.eif"]), File.ReadAllBytes(_folder["fetched.eif"]));
        var missing = Build("missing.eif", "--docker-uri", $"localhost:{_port}/team/app:2");
        Assert.Equal(50, missing.ExitCode);
        Assert.Contains("has no team/app/manifests/2", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Credentials_come_from_dockers_configuration_and_its_helpers()
    {
        StartRegistry(Passwords);
        var name = $"localhost:{_port}/team/app:1";
        Run("buildah", "build", "--quiet", "--tag", name, _folder["context"]);
        Run("buildah", "push", "--quiet", "--tls-verify=false", "--creds", "ali:sesame", name);

        var none = Build("a.eif", "--docker-uri", name);
        _folder.Write("docker/config.json", $$"""{"auths":{"localhost:{{_port}}":{"auth":"{{Convert.ToBase64String("ali:wrong"u8)}}"} } }""");
        var wrong = Build("a.eif", "--docker-uri", name);
        _folder.Write("docker/config.json", $$"""{"auths":{"localhost:{{_port}}":{"auth":"{{Convert.ToBase64String("ali:sesame"u8)}}"} } }""");
        Build("a.eif", "--docker-uri", name).Succeeded();
        _folder.Write("docker/config.json", $$"""{"credHelpers":{"localhost:{{_port}}":"test"} }""");
        File.SetUnixFileMode(_folder.Write("bin/docker-credential-test", $"#!/bin/sh\nread -r server\n[ \"$1 $server\" = \"get localhost:{_port}\" ] && echo '{{\"ServerURL\":\"\",\"Username\":\"ali\",\"Secret\":\"sesame\"}}'\n"), (UnixFileMode)0x1ED);
        Build("b.eif", "--docker-uri", name).Succeeded();

        Assert.Equal((50, 50), (none.ExitCode, wrong.ExitCode));
        Assert.Contains("docker login", none.Error, StringComparison.Ordinal);
        Assert.Contains("does not give team/app to the user ali", wrong.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", wrong.Error, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(_folder["a.eif"]), File.ReadAllBytes(_folder["b.eif"]));
    }

    CommandResult Build(string output, params string[] arguments) =>
        NitroCommand.Run(["build-enclave", .. _parts, "--output-file", _folder[output], .. arguments], "", Variables());

    // Nothing of the machine's own container engines and configuration takes part.
    (string, string)[] Variables() =>
    [
        ("HOME", _folder.Path), ("DOCKER_CONFIG", _folder["docker"]), ("DOCKER_HOST", "unix://" + _folder["no-engine"]), ("PATH", $"{_folder["bin"]}:{Environment.GetEnvironmentVariable("PATH")}"),
        ("BUILDAH_ISOLATION", "chroot"), ("STORAGE_DRIVER", "vfs"), ("CONTAINERS_STORAGE_CONF", _folder["storage.conf"]),
    ];

    void StartRegistry(string? passwords)
    {
        var access = passwords is null ? "" : $"auth:\n  htpasswd:\n    realm: test\n    path: {_folder.Write("htpasswd", passwords)}\n";
        var configuration = _folder.Write("registry.yml", $"version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {_folder["registry"]}\nhttp:\n  addr: 127.0.0.1:{_port}\n{access}");
        _registry = Process.Start(new ProcessStartInfo("docker-registry", ["serve", configuration]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var probe = new TcpClient("127.0.0.1", _port);
                return;
            }
            catch (SocketException) when (attempt < 600 && !_registry.HasExited)
            {
                Thread.Sleep(100);
            }
        }
    }

    void Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in _parts is null ? [] : Variables())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var error = new StringBuilder();
        process.ErrorDataReceived += (_, line) => error.AppendLine(line.Data);
        process.BeginErrorReadLine();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with exit code {process.ExitCode}:\n{error}");
    }

    static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
