namespace NitroEnclaves.Nsm.Tests;

/// <summary>The device file, as far as it can be seen outside an enclave. The rest is shown by the end-to-end tests.</summary>
public sealed class NsmDeviceTests
{
    [Fact]
    public void Outside_an_enclave_there_is_no_device()
    {
        var missing = Assert.Throws<FileNotFoundException>(() => NsmDevice.Open("/dev/no-nsm-here"));
        Assert.Equal("/dev/no-nsm-here", missing.FileName);
    }

    [Fact]
    public void A_folder_is_not_a_device() => Assert.ThrowsAny<IOException>(() => NsmDevice.Open("/tmp"));

    [Fact]
    public void A_file_that_is_no_NSM_fails_at_the_first_request()
    {
        using var device = NsmDevice.Open("/dev/null");
        var failure = Assert.Throws<IOException>(() => device.Exchange("x"u8, new byte[NsmLimits.MaxResponseLength]));
        Assert.Contains("errno 25", failure.Message, StringComparison.Ordinal);
        Assert.Throws<IOException>(() => device.Exchange("x"u8, new byte[10]));
    }

    [Fact]
    public void Requests_that_a_driver_would_refuse_or_choke_on_are_not_sent()
    {
        using var device = NsmDevice.Open("/dev/null");
        Assert.Throws<ArgumentException>(() => device.Exchange([], new byte[10]));
        var tooLong = Assert.Throws<NsmException>(() => device.Exchange(new byte[NsmLimits.MaxRequestLength + 1], new byte[10]));
        Assert.Equal(NsmErrorCode.InputTooLarge, tooLong.Code);
    }

    [Fact]
    public void A_closed_device_says_so()
    {
        var device = NsmDevice.Open("/dev/null");
        device.Dispose();
        device.Dispose();
        Assert.Throws<ObjectDisposedException>(() => device.Exchange("x"u8, new byte[10]));
    }

    [Fact]
    public void Error_numbers_become_exceptions_of_their_own_kind()
    {
        Assert.Equal(NsmErrorCode.InputTooLarge, Assert.IsType<NsmException>(NsmDevice.ExchangeFailure(Interop.EMSGSIZE)).Code);
        Assert.IsType<TimeoutException>(Assert.IsType<IOException>(NsmDevice.ExchangeFailure(Interop.ETIMEDOUT)).InnerException);
        var failure = Assert.IsType<IOException>(NsmDevice.ExchangeFailure(5));
        Assert.Null(failure.InnerException);
        Assert.Contains("errno 5", failure.Message, StringComparison.Ordinal);
        Assert.IsType<UnauthorizedAccessException>(NsmDevice.OpenFailure(Interop.EACCES, "/dev/nsm"));
        Assert.IsType<FileNotFoundException>(NsmDevice.OpenFailure(Interop.ENOENT, "/dev/nsm"));
        Assert.IsType<IOException>(NsmDevice.OpenFailure(24, "/dev/nsm"));
    }
}
