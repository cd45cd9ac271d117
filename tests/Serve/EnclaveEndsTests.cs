using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve.Tests;

public sealed class EnclaveEndsTests
{
    static readonly EnclaveEnd s_end = new(EnclaveEndKind.Exited, 0, "It exited.");

    readonly EnclaveEnds _ends = new();

    [Fact]
    public void An_end_is_found_by_its_id_before_it_has_come_and_after()
    {
        var end = new TaskCompletionSource<EnclaveEnd>();
        _ends.Keep("i-1-enc1", end.Task);
        Assert.False(_ends.Find("i-1-enc1")!.IsCompleted);
        end.SetResult(s_end);
        Assert.True(_ends.Find("i-1-enc1")!.IsCompletedSuccessfully);
        Assert.Null(_ends.Find("i-1-enc2"));
    }

    [Fact]
    public void An_end_that_was_not_told_is_none()
    {
        _ends.Keep("i-1-enc1", Task.FromException<EnclaveEnd>(new EnclaveException(EnclaveFailure.ProcessConnection, "It was killed.")));
        Assert.Null(_ends.Find("i-1-enc1"));
    }

    [Fact]
    public void An_id_that_is_given_away_again_has_its_last_enclaves_end()
    {
        var again = new TaskCompletionSource<EnclaveEnd>();
        _ends.Keep("i-1-enc1", Task.FromResult(s_end));
        _ends.Keep("i-1-enc1", again.Task);
        Assert.Same(again.Task, _ends.Find("i-1-enc1"));
    }

    [Fact]
    public void The_last_256_are_kept()
    {
        for (var enclave = 0; enclave < 300; enclave++)
        {
            _ends.Keep($"{enclave}", Task.FromResult(s_end));
        }

        Assert.Null(_ends.Find("43"));
        Assert.Equal(256, Enumerable.Range(0, 300).Count(enclave => _ends.Find($"{enclave}") is not null));
    }

    [Fact]
    public void One_that_runs_is_not_forgotten()
    {
        _ends.Keep("running", new TaskCompletionSource<EnclaveEnd>().Task);
        for (var enclave = 0; enclave < 600; enclave++)
        {
            _ends.Keep($"{enclave}", Task.FromResult(s_end));
        }

        Assert.NotNull(_ends.Find("running"));
        Assert.Equal(255, Enumerable.Range(0, 600).Count(enclave => _ends.Find($"{enclave}") is not null));
    }
}
