namespace NitroEnclaves.Init.Tests;

public sealed class EndStatusTests
{
    // The second column is what waitpid gives: the exit status in bits 8 to 15, a signal in bits 0 to 6, bit 7 for a core dump.
    [Theory]
    [InlineData(0x0000, false, 0, "EE0000000000")]
    [InlineData(0x0300, false, 3, "EE0003000000")]
    [InlineData(0xFF00, false, 255, "EE00FF000000")]
    [InlineData(0x0009, true, 9, "EE0109000000")]
    [InlineData(0x008B, true, 11, "EE010B000000")]
    public void The_parent_is_told_kind_and_status(int waitStatus, bool signalled, int code, string message)
    {
        var end = EndStatus.FromWaitStatus(waitStatus);
        Assert.Equal(new EndStatus(signalled, code), end);
        var bytes = new byte[EndStatus.MessageLength];
        end.WriteMessage(bytes);
        Assert.Equal(message, Convert.ToHexString(bytes));
    }

    [Fact]
    public void The_console_reads_as_a_sentence()
    {
        Assert.Equal("exited with status 3", new EndStatus(false, 3).ToString());
        Assert.Equal("was ended by signal 9", new EndStatus(true, 9).ToString());
    }
}
