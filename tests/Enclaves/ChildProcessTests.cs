using System.Text;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class ChildProcessTests
{
    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("exit 0", 0, null)]
    [InlineData("exit 7", 7, null)]
    [InlineData("kill -9 $$", null, 9)]
    public async Task Its_end_says_how(string script, int? status, int? signal) =>
        Assert.Equal(new ChildExit(status, signal), await Start(script).Exit.WaitAsync(Cancellation));

    [Fact]
    public async Task It_has_the_descriptors_it_is_meant_to_have_and_no_other()
    {
        using var first = Memory.Create("first");
        using var second = Memory.Create("second");
        RandomAccess.Write(first, "1"u8, 0);
        RandomAccess.Write(second, "2"u8, 0);
        // The shell may open more for itself, but not before it lists its own.
        var (child, text) = await RunAsync(new ChildProcessStart
        {
            FileName = "/bin/sh",
            Arguments = ["-c", "echo /proc/self/fd/*; cat /proc/self/fd/3 /proc/self/fd/4"],
            Descriptors = [first, second],
        });
        Assert.Equal(new ChildExit(0, null), await child.Exit);
        Assert.Matches("^/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3 /proc/self/fd/4( /proc/self/fd/[5-9])?\n12$", text);
    }

    [Fact]
    public async Task Its_table_of_descriptors_is_large_and_empty_where_that_is_asked()
    {
        var (child, text) = await RunAsync(new ChildProcessStart
        {
            FileName = "/bin/sh",
            Arguments = ["-c", "sed -n s/FDSize:.//p /proc/$$/status; test -e /proc/$$/fd/255"],
            ManyDescriptors = true,
        });
        // Or as many as ours has meanwhile.
        Assert.InRange(int.Parse(text), 256, int.MaxValue);
        Assert.Equal(new ChildExit(1, null), await child.Exit);
    }

    [Fact]
    public async Task A_session_of_its_own_has_it_as_leader()
    {
        var (child, text) = await RunAsync(new ChildProcessStart
        {
            FileName = "/bin/sh",
            Arguments = ["-c", "cut -d' ' -f6 /proc/self/stat"],
            NewSession = true,
        });
        Assert.Equal($"{child.Id}\n", text);
    }

    [Fact]
    public async Task Its_environment_is_the_given_one()
    {
        var (child, text) = await RunAsync(new ChildProcessStart
        {
            FileName = "/usr/bin/env",
            Environment = new Dictionary<string, string> { ["A"] = "é" },
        });
        Assert.Equal("A=é\n", text);
        await child.Exit;
    }

    [Fact]
    public async Task One_that_does_not_end_is_killed()
    {
        using var output = SocketPair.Create();
        var child = ChildProcess.Start(new ChildProcessStart
        {
            FileName = "/bin/sh",
            Arguments = ["-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"],
            Output = output.Theirs,
        });
        using var stream = output.TakeStream();
        Assert.Equal((int)'d', stream.ReadByte());
        child.Signal(Interop.SIGTERM);
        Assert.Equal(new ChildExit(null, 9), await child.EndAsync(TimeSpan.FromMilliseconds(100)).WaitAsync(Cancellation));
        child.Signal(Interop.SIGKILL);
    }

    [Fact]
    public void A_program_that_is_not_there_is_a_spawn_failure()
    {
        var failure = Assert.Throws<EnclaveException>(() => ChildProcess.Start(new ChildProcessStart { FileName = "/nowhere/program" }));
        Assert.Equal((EnclaveFailure.ProcessSpawn, 5), (failure.Failure, failure.NitroCliCode));
        Assert.Contains("/nowhere/program", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_stays_on_its_CPUs()
    {
        var (child, text) = await RunAsync(new ChildProcessStart
        {
            FileName = "/bin/sh",
            Arguments = ["-c", "grep Cpus_allowed_list /proc/self/status"],
            CpuIds = [0],
        });
        Assert.Equal("Cpus_allowed_list:\t0\n", text);
        await child.Exit;
        Assert.Throws<EnclaveException>(() => ChildProcess.Start(new ChildProcessStart { FileName = "/bin/true", CpuIds = [8000] }));
    }

    static ChildProcess Start(string script) => ChildProcess.Start(new ChildProcessStart { FileName = "/bin/sh", Arguments = ["-c", script] });

    // Starts a child and reads all that it prints.
    static async Task<(ChildProcess Child, string Output)> RunAsync(ChildProcessStart start)
    {
        using var output = SocketPair.Create();
        var child = ChildProcess.Start(start with { Output = output.Theirs });
        output.Theirs.Dispose();
        using var stream = output.TakeStream();
        return (child, await new StreamReader(stream, Encoding.UTF8).ReadToEndAsync(Cancellation));
    }
}
