namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Launch programs of a few harmless calls, run by the kernel.</summary>
public sealed class LaunchProgramTests
{
    [Fact]
    public async Task Stages_go_back_and_forth_and_the_program_exits()
    {
        var sequence = new LaunchSequence();
        var word = sequence.Program.Add(BitConverter.GetBytes(0x1122334455667788));
        sequence.ArrangeDescriptors();
        sequence.Send(word);
        sequence.AwaitGo();
        sequence.Call("exit", SystemCall.exit_group, 7);
        using var control = Start(sequence);
        Assert.Equal(0x1122334455667788, control.Await());
        control.Go();
        Assert.Equal(7, (await control.Process.Exit).Status);
    }

    [Fact]
    public async Task A_step_that_fails_is_named_with_its_error()
    {
        var sequence = new LaunchSequence();
        sequence.Try("be without consequence", SystemCall.close, 999);
        sequence.Call("enter a folder", SystemCall.chdir, sequence.Program.Add("/no such folder"));
        sequence.Call("never come here", SystemCall.exit_group, 0);
        using var control = Start(sequence);
        var exception = Assert.Throws<EnclaveException>(() => control.Await());
        Assert.Equal(EnclaveFailure.ProcessSpawn, exception.Failure);
        Assert.Equal("The process engine cannot enter a folder: No such file or directory.", exception.Message);
        Assert.Equal(125, (await control.Process.Exit).Status);
    }

    [Fact]
    public async Task The_last_of_as_many_steps_as_there_can_be_is_named_too()
    {
        const int Most = 508;
        var sequence = new LaunchSequence();
        for (var index = 1; index < Most; index++)
        {
            sequence.Try("be without consequence", SystemCall.close, 999);
        }

        // Behind it stand the steps that report it, and behind these the program's data.
        sequence.Call("enter a folder", SystemCall.chdir, sequence.Program.Add("/no such folder"));
        var exception = Assert.Throws<EnclaveException>(() => sequence.Call("exit", SystemCall.exit_group, 0));
        Assert.Equal(EnclaveFailure.BootFailure, exception.Failure);
        using var control = Start(sequence);
        Assert.Equal("The process engine cannot enter a folder: No such file or directory.", Assert.Throws<EnclaveException>(() => control.Await()).Message);
        Assert.Equal(125, (await control.Process.Exit).Status);
    }

    [Fact]
    public async Task An_alternative_is_taken_after_a_failure_and_left_out_after_a_success()
    {
        var sequence = new LaunchSequence();
        var root = sequence.Program.Add("/");
        var nowhere = sequence.Program.Add("/no such folder");
        sequence.Prefer("enter", SystemCall.chdir, nowhere);
        sequence.Call("enter", SystemCall.chdir, root);
        sequence.Prefer("enter", SystemCall.chdir, root);
        sequence.Call("fail", SystemCall.chdir, nowhere);
        sequence.Call("exit", SystemCall.exit_group, 3);
        using var control = Start(sequence);
        Assert.Equal(3, (await control.Process.Exit).Status);
    }

    [Fact]
    public async Task A_fork_has_two_ways_and_the_end_of_the_child_is_reported()
    {
        var sequence = new LaunchSequence();
        var word = sequence.Program.Add(new byte[sizeof(ulong)]);
        sequence.Fork(word, () => sequence.WaitAndExit(null));
        sequence.Call("exit", SystemCall.exit_group, 9);
        using var control = Start(sequence);
        Assert.Equal(9 << 8, control.AwaitEnd());
        Assert.Equal(0, (await control.Process.Exit).Status);
    }

    [Fact]
    public async Task Without_a_word_from_the_supervisor_the_program_gives_up()
    {
        var sequence = new LaunchSequence();
        sequence.AwaitGo();
        sequence.Call("never come here", SystemCall.exit_group, 0);
        var control = Start(sequence);
        control.Dispose();
        Assert.Equal(1, (await control.Process.Exit).Status);
    }

    [Theory]
    [InlineData(0x0100, 0xEE, 0, 1)]
    [InlineData(0, 0xEE, 0, 0)]
    [InlineData(0x0F, 0xEE, 1, 15)]
    [InlineData(0x86, 0xEE, 1, 6)]
    public void A_status_becomes_the_report_that_nitro_init_would_make(int status, byte first, byte kind, byte value) =>
        Assert.Equal([first, kind, value, 0, 0, 0], EnclaveReports.EndMessage(status));

    static LaunchControl Start(LaunchSequence sequence)
    {
        using var nothing = File.OpenHandle("/dev/null");
        return LaunchControl.Start(sequence.Program, [nothing, nothing, nothing], null);
    }
}
