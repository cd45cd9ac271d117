using NitroEnclaves.Nsm;
using NitroEnclaves.Tests;

namespace NitroEnclaves.Virtio.Tests;

public sealed class NsmVirtioDeviceTests : IDisposable
{
    const ulong Request = GuestRam.HighBase;
    const ulong Response = GuestRam.HighBase + 0x10_000;

    readonly QueueFixture _fixture = new(size: 16);
    readonly ScriptedModule _module = new();
    readonly NsmVirtioDevice _device;

    public NsmVirtioDeviceTests()
    {
        _device = new NsmVirtioDevice(_module);
        _device.QueueStarted(_fixture.Queue);
    }

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void A_command_of_two_chains_comes_back_in_order_with_one_interrupt()
    {
        var request = Put("ask"u8);
        var response = _fixture.Driver.Add(DriverBuffer.In(Response, 0x3000));
        Assert.False(_device.QueueNotified(_fixture.Queue));
        Assert.Equal([(request, 0u), (response, 7u)], Used());
        Assert.Equal("re: ask"u8, _fixture.Ram[Response, 7]);
        Assert.Equal(1, _fixture.Interrupts);
    }

    [Fact]
    public void The_response_chain_may_come_in_a_later_turn()
    {
        var request = Put("ask"u8);
        _device.QueueNotified(_fixture.Queue);
        Assert.Equal((0, 0), (Used().Count, _fixture.Interrupts));

        // Too late: the request was taken.
        "ASK"u8.CopyTo(_fixture.Ram[Request, 3]);
        var response = _fixture.Driver.Add(DriverBuffer.In(Response, 0x3000));
        _device.QueueNotified(_fixture.Queue);
        Assert.Equal([(request, 0u), (response, 7u)], Used());
        Assert.Equal("re: ask"u8, _fixture.Ram[Response, 7]);
    }

    [Fact]
    public void One_chain_with_both_parts_is_answered()
    {
        "ask"u8.CopyTo(_fixture.Ram[Request, 3]);
        var head = _fixture.Driver.Add(DriverBuffer.Out(Request, 1), DriverBuffer.Out(Request + 1, 2), DriverBuffer.In(Response, 5), DriverBuffer.In(Response + 0x100, 100));
        _device.QueueNotified(_fixture.Queue);
        Assert.Equal([(head, 7u)], Used());
        Assert.Equal("re: a"u8, _fixture.Ram[Response, 5]);
        Assert.Equal("sk"u8, _fixture.Ram[Response + 0x100, 2]);
    }

    [Fact]
    public void Response_buffers_without_a_request_come_back_empty()
    {
        var first = _fixture.Driver.Add(DriverBuffer.In(Response, 0x3000));
        var request = Put("ask"u8);
        var second = _fixture.Driver.Add(DriverBuffer.In(Response, 0x3000));
        _device.QueueNotified(_fixture.Queue);
        Assert.Equal([(first, 0u), (request, 0u), (second, 7u)], Used());
    }

    [Fact]
    public void Of_two_requests_the_later_one_is_answered()
    {
        var first = Put("one"u8);
        "two"u8.CopyTo(_fixture.Ram[Request + 16, 3]);
        var second = _fixture.Driver.Add(DriverBuffer.Out(Request + 16, 3));
        var response = _fixture.Driver.Add(DriverBuffer.In(Response, 0x3000));
        _device.QueueNotified(_fixture.Queue);
        Assert.Equal([(first, 0u), (second, 0u), (response, 7u)], Used());
        Assert.Equal("re: two"u8, _fixture.Ram[Response, 7]);
        Assert.Equal(1, _module.Calls);
    }

    [Fact]
    public void An_empty_request_is_no_request()
    {
        var request = _fixture.Driver.Add(DriverBuffer.Out(Request, 0));
        var response = _fixture.Driver.Add(DriverBuffer.In(Response, 0x3000));
        _device.QueueNotified(_fixture.Queue);
        Assert.Equal([(request, 0u), (response, 0u)], Used());
        Assert.Equal(0, _module.Calls);
    }

    [Fact]
    public void A_request_that_is_too_long_reaches_the_module_as_too_long()
    {
        _fixture.Driver.Add(DriverBuffer.Out(Request, 0x10_0000));
        _fixture.Driver.Add(DriverBuffer.In(Response, 0x3000));
        _device.QueueNotified(_fixture.Queue);
        Assert.Equal(NsmLimits.MaxRequestLength + 1, _module.LongestRequest);
    }

    [Fact]
    public void A_response_is_never_longer_than_its_buffer()
    {
        Put("ask"u8);
        var response = _fixture.Driver.Add(DriverBuffer.In(Response, 4));
        _fixture.Ram[Response, 8].Fill(0xAA);
        _device.QueueNotified(_fixture.Queue);
        Assert.Contains((response, 4u), Used());
        Assert.Equal("re: "u8, _fixture.Ram[Response, 4]);
        Assert.Equal(0xAA, _fixture.Ram[Response + 4, 1][0]);
    }

    [Fact]
    public void A_module_that_fails_is_an_error_to_the_guest()
    {
        _module.Failure = new IOException("gone");
        Put("ask"u8);
        _fixture.Driver.Add(DriverBuffer.In(Response, 0x3000));
        _device.QueueNotified(_fixture.Queue);
        var used = Used();
        Assert.True(NsmResponse.TryDecode(_fixture.Ram[Response, (int)used[1].Length], out var response));
        Assert.Equal(NsmErrorCode.InternalError, response.ErrorCode);
    }

    [Fact]
    public void A_reset_forgets_the_request()
    {
        Put("ask"u8);
        _device.QueueNotified(_fixture.Queue);
        _fixture.Queue.Stop();
        _device.QueueStopped(_fixture.Queue);
        _device.Reset();
        _fixture.Queue.Reset();
        _fixture.Queue.Start(_fixture.Memory, _fixture.Driver.Layout, 0, 1, _fixture);
        var response = _fixture.Driver.Add(DriverBuffer.In(Response, 0x3000));
        _device.QueueNotified(_fixture.Queue);
        Assert.Equal([(response, 0u)], Used());
    }

    [Fact]
    public void A_command_allocates_nothing()
    {
        var allocated = AllocationGate.Least(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                _fixture.Driver.SetDescriptor(0, Request, 3);
                _fixture.Driver.SetDescriptor(1, Response, 0x3000, DriverRing.Write);
                _fixture.Driver.Offer(0);
                _fixture.Driver.Offer(1);
                _device.QueueNotified(_fixture.Queue);
            }
        });

        Assert.Equal(0, allocated);
        Assert.Equal(600, _module.Calls);
    }

    ushort Put(ReadOnlySpan<byte> request)
    {
        request.CopyTo(_fixture.Ram[Request, request.Length]);
        return _fixture.Driver.Add(DriverBuffer.Out(Request, request.Length));
    }

    List<(ushort Head, uint Length)> Used()
    {
        var used = new List<(ushort, uint)>();
        while (_fixture.Driver.TryGetUsed(out var id, out var length))
        {
            used.Add(((ushort)id, length));
        }

        return used;
    }

    sealed class ScriptedModule : INsmTransport
    {
        public int Calls { get; private set; }

        public int LongestRequest { get; private set; }

        public Exception? Failure { get; set; }

        public int Exchange(ReadOnlySpan<byte> request, Span<byte> response)
        {
            Calls++;
            LongestRequest = Math.Max(LongestRequest, request.Length);
            if (Failure is not null)
            {
                throw Failure;
            }

            var answer = "re: "u8;
            answer[..Math.Min(answer.Length, response.Length)].CopyTo(response);
            var rest = request[..Math.Min(request.Length, Math.Max(response.Length - answer.Length, 0))];
            rest.CopyTo(response[Math.Min(answer.Length, response.Length)..]);
            return Math.Min(response.Length, answer.Length + rest.Length);
        }
    }
}
