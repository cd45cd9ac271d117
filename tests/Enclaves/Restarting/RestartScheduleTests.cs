namespace NitroEnclaves.Enclaves.Tests;

public sealed class RestartScheduleTests
{
    static readonly EnclaveEnd s_failed = new(EnclaveEndKind.Exited, 1, "");
    static readonly TimeSpan s_short = TimeSpan.FromSeconds(59);

    [Theory]
    [InlineData(RestartMode.No, EnclaveEndKind.Exited, 1, false)]
    [InlineData(RestartMode.OnFailure, EnclaveEndKind.Exited, 0, false)]
    [InlineData(RestartMode.OnFailure, EnclaveEndKind.Exited, 1, true)]
    [InlineData(RestartMode.OnFailure, EnclaveEndKind.Signaled, 9, true)]
    [InlineData(RestartMode.OnFailure, EnclaveEndKind.Unknown, null, true)]
    [InlineData(RestartMode.OnFailure, EnclaveEndKind.EngineFailed, null, true)]
    [InlineData(RestartMode.OnFailure, EnclaveEndKind.Terminated, null, false)]
    [InlineData(RestartMode.Always, EnclaveEndKind.Exited, 0, true)]
    [InlineData(RestartMode.Always, EnclaveEndKind.Signaled, 15, true)]
    [InlineData(RestartMode.Always, EnclaveEndKind.Terminated, null, false)]
    public void The_policy_says_after_which_ends(RestartMode mode, EnclaveEndKind kind, int? status, bool again) => Assert.Equal(
        again, new RestartSchedule(new RestartPolicy { Mode = mode }).Next(new EnclaveEnd(kind, status, ""), s_short) is not null);

    [Fact]
    public void The_pause_doubles_up_to_a_minute()
    {
        var schedule = new RestartSchedule(new RestartPolicy { Mode = RestartMode.Always, Limit = 100 });
        Assert.Equal<double?>([1, 2, 4, 8, 16, 32, 60, 60], Enumerable.Range(0, 8).Select(_ => schedule.Next(s_failed, s_short)?.TotalSeconds));
        for (var more = 8; more < 100; more++)
        {
            Assert.Equal(RestartPolicy.LongestDelay, schedule.Next(s_failed, s_short));
        }

        Assert.Null(schedule.Next(s_failed, s_short));
        Assert.Equal(100, schedule.Count);
    }

    [Fact]
    public void A_minute_of_running_begins_a_new_row()
    {
        var schedule = new RestartSchedule(new RestartPolicy { Mode = RestartMode.OnFailure, Limit = 2, Delay = TimeSpan.FromSeconds(3) });
        Assert.Equal(3, schedule.Next(s_failed, s_short)?.TotalSeconds);
        Assert.Equal(6, schedule.Next(s_failed, s_short)?.TotalSeconds);
        Assert.Equal(3, schedule.Next(s_failed, RestartPolicy.StableAfter)?.TotalSeconds);
        Assert.Equal(6, schedule.Next(s_failed, s_short)?.TotalSeconds);
        Assert.Null(schedule.Next(s_failed, s_short));
        Assert.Equal(4, schedule.Count);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(RestartPolicy.MaximumLimit + 1, 1)]
    [InlineData(1, 61)]
    [InlineData(1, -1)]
    public void What_is_out_of_range_is_refused(int limit, int seconds)
    {
        var options = Samples.Options with { Restart = new RestartPolicy { Limit = limit, Delay = TimeSpan.FromSeconds(seconds) } };
        Assert.Equal(EnclaveFailure.InvalidArgument, Assert.Throws<EnclaveException>(options.Validate).Failure);
    }

    [Fact]
    public void Other_words_are_no_policy() => Assert.Equal(3, Assert.Throws<EnclaveException>(() => RestartPolicy.ParseMode("maybe")).NitroCliCode);
}
