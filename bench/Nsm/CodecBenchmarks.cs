using BenchmarkDotNet.Attributes;

namespace NitroEnclaves.Nsm.Benchmarks;

/// <summary>Messages alone, in each direction.</summary>
[MemoryDiagnoser]
public class CodecBenchmarks
{
    readonly byte[] _data = new byte[48];
    readonly byte[] _buffer = new byte[NsmLimits.MaxResponseLength];
    readonly byte[] _request = new byte[NsmLimits.MaxRequestLength];
    readonly byte[] _response = new byte[NsmLimits.MaxResponseLength];
    int _requestLength;
    int _responseLength;

    [GlobalSetup]
    public void Setup()
    {
        _requestLength = NsmRequest.ExtendPcr(16, _data).Encode(_request);
        NsmResponse.ExtendPcr(_data).TryEncode(_response, out _responseLength);
    }

    [Benchmark]
    public int EncodeRequest() => NsmRequest.ExtendPcr(16, _data).Encode(_buffer);

    [Benchmark]
    public int DecodeRequest()
    {
        NsmRequest.TryDecode(_request.AsSpan(0, _requestLength), out var request);
        return request.Index;
    }

    [Benchmark]
    public int EncodeResponse()
    {
        NsmResponse.ExtendPcr(_data).TryEncode(_buffer, out var length);
        return length;
    }

    [Benchmark]
    public int DecodeResponse()
    {
        NsmResponse.TryDecode(_response.AsSpan(0, _responseLength), out var response);
        return response.Data.Length;
    }

    [Benchmark(Description = "Refuse what is not CBOR")]
    public bool RefuseRequest() => NsmRequest.TryDecode([0xFF], out _);
}
