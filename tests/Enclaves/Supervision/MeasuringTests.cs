using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>An image is measured beside the start of its enclave; what depends on the measurements waits for them.</summary>
public sealed class MeasuringTests : IDisposable
{
    static readonly EifMeasurements s_measurements = new(Value(1), Value(2), Value(3));
    static readonly EnclaveId s_id = EnclaveId.Parse($"{Samples.Parent}-enc0000000000000001");

    readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly ManualResetEventSlim _measured = new();

    public void Dispose() => _measured.Dispose();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_makes_it_begin_and_waits_for_it()
    {
        var measurement = new SourceMeasurement(Measure, CancellationToken.None);
        await using (measurement)
        {
            var nsm = EnclaveNsm.Create(Samples.Options, s_id, measurement, new UnusedSigner(), TimeProvider.System);
            var answer = Task.Run(() => new NsmClient(nsm).DescribePcr(0).Value, Cancellation);
            await _asked.Task.WaitAsync(Cancellation);
            Assert.False(answer.IsCompleted);
            _measured.Set();
            Assert.Equal(Value(1), await answer.WaitAsync(Cancellation));
        }
    }

    [Fact]
    public async Task Nothing_is_measured_before_it_is_asked_for()
    {
        await using (new SourceMeasurement(Measure, CancellationToken.None))
        {
        }

        Assert.False(_asked.Task.IsCompleted);
    }

    [Fact]
    public async Task Giving_it_up_answers_who_waits_and_waits_for_the_reader()
    {
        var measurement = new SourceMeasurement(
            cancellation =>
            {
                _asked.SetResult();
                _measured.Wait(cancellation);
                return s_measurements;
            },
            CancellationToken.None);
        var nsm = EnclaveNsm.Create(Samples.Options, s_id, measurement, new UnusedSigner(), TimeProvider.System);
        var answer = Task.Run(() => new NsmClient(nsm).DescribeNsm(), Cancellation);
        await _asked.Task.WaitAsync(Cancellation);
        await measurement.DisposeAsync();
        Assert.True(measurement.Result.IsCanceled);
        Assert.Equal(NsmErrorCode.InternalError, (await Assert.ThrowsAsync<NsmException>(() => answer.WaitAsync(Cancellation))).Code);
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_fails_the_requests_and_the_result()
    {
        var failure = new EnclaveException(EnclaveFailure.InvalidImage, "It changed.");
        var measurement = new SourceMeasurement(_ => throw failure, CancellationToken.None);
        await using (measurement)
        {
            var nsm = EnclaveNsm.Create(Samples.Options, s_id, measurement, new UnusedSigner(), TimeProvider.System);
            Assert.Equal(NsmErrorCode.InternalError, Assert.Throws<NsmException>(() => new NsmClient(nsm).DescribeNsm()).Code);
            Assert.Same(failure, await Assert.ThrowsAsync<EnclaveException>(() => measurement.Result));
        }
    }

    EifMeasurements Measure(CancellationToken cancellationToken)
    {
        _asked.SetResult();
        _measured.Wait(cancellationToken);
        return s_measurements;
    }

    static PcrValue Value(byte value)
    {
        var bytes = new byte[PcrValue.Length];
        bytes.AsSpan().Fill(value);
        return new PcrValue(bytes);
    }
}
