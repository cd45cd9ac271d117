namespace NitroEnclaves.Nsm.Tests;

/// <summary>The published bytes, both ways.</summary>
public sealed class NsmVectorTests
{
    public static TheoryData<string> Requests => [.. NsmVectors.RequestNames];

    public static TheoryData<string> Responses => [.. NsmVectors.ResponseNames];

    [Fact]
    public void There_are_24_requests_and_18_responses()
    {
        Assert.Equal(24, NsmVectors.RequestNames.Count());
        Assert.Equal(18, NsmVectors.ResponseNames.Count());
    }

    [Theory]
    [MemberData(nameof(Requests))]
    public void A_request_is_encoded_to_the_published_bytes(string name)
    {
        var buffer = new byte[NsmLimits.MaxRequestLength];
        var length = RequestOf(name).Encode(buffer);
        Assert.Equal(NsmVectors.Request(name), buffer[..length]);
    }

    [Theory]
    [MemberData(nameof(Requests))]
    public void A_published_request_is_decoded_to_what_its_name_says(string name)
    {
        Assert.True(NsmRequest.TryDecode(NsmVectors.Request(name), out var decoded));
        var expected = RequestOf(name);
        Assert.Equal(expected.Operation, decoded.Operation);
        Assert.Equal(expected.Index, decoded.Index);
        Assert.Equal(expected.Range, decoded.Range);
        Assert.Equal(expected.Data.ToArray(), decoded.Data.ToArray());
        Assert.Equal(expected.Attestation.HasUserData, decoded.Attestation.HasUserData);
        Assert.Equal(expected.Attestation.HasNonce, decoded.Attestation.HasNonce);
        Assert.Equal(expected.Attestation.HasPublicKey, decoded.Attestation.HasPublicKey);
        Assert.Equal(expected.Attestation.UserData.ToArray(), decoded.Attestation.UserData.ToArray());
        Assert.Equal(expected.Attestation.Nonce.ToArray(), decoded.Attestation.Nonce.ToArray());
        Assert.Equal(expected.Attestation.PublicKey.ToArray(), decoded.Attestation.PublicKey.ToArray());
    }

    [Theory]
    [MemberData(nameof(Responses))]
    public void A_response_is_encoded_to_the_published_bytes(string name)
    {
        var buffer = new byte[NsmLimits.MaxResponseLength];
        Assert.True(ResponseOf(name).TryEncode(buffer, out var length, OrderOf(name)));
        Assert.Equal(NsmVectors.Response(name), buffer[..length]);
    }

    [Theory]
    [MemberData(nameof(Responses))]
    public void A_published_response_is_decoded_to_what_its_name_says(string name)
    {
        Assert.True(NsmResponse.TryDecode(NsmVectors.Response(name), out var decoded));
        var expected = ResponseOf(name);
        Assert.Equal(expected.IsError, decoded.IsError);
        Assert.Equal(expected.ErrorCode, decoded.ErrorCode);
        Assert.Equal(expected.ErrorName.ToArray(), decoded.ErrorName.ToArray());
        Assert.Equal(expected.Operation, decoded.Operation);
        Assert.Equal(expected.Data.ToArray(), decoded.Data.ToArray());
        Assert.Equal(expected.IsLocked, decoded.IsLocked);
        Assert.Equivalent(expected.Description, decoded.Description, strict: true);
    }

    [Fact]
    public void The_driver_is_called_with_the_published_number_structure_and_limits()
    {
        Assert.Equal(Interop.NSM_IOCTL_RAW, NsmVectors.Ioctl.GetProperty("number_dec").GetUInt64());
        Assert.Equal(NsmVectors.Ioctl.GetProperty("struct_size").GetInt32(), System.Runtime.CompilerServices.Unsafe.SizeOf<Interop.nsm_raw>());
        Assert.Equal(NsmLimits.MaxRequestLength, NsmVectors.Ioctl.GetProperty("request_max").GetInt32());
        Assert.Equal(NsmLimits.MaxResponseLength, NsmVectors.Ioctl.GetProperty("response_max").GetInt32());
    }

    [Fact]
    public void Ten_extensions_by_010203_give_the_published_values()
    {
        var value = PcrValue.Zero;
        foreach (var expected in NsmVectors.Pcr.GetProperty("extend_zero_with_010203_ten_times").EnumerateArray())
        {
            value = value.Extend([1, 2, 3]);
            Assert.Equal(expected.GetString(), value.ToString());
        }
    }

    [Fact]
    public void Role_instance_and_empty_extension_give_the_published_values()
    {
        Assert.Equal(
            NsmVectors.Pcr.GetProperty("pcr4_of_i-07fd4cc4df935eab0").GetString(),
            PcrValue.OfInstance("i-07fd4cc4df935eab0").ToString());
        Assert.Equal(
            NsmVectors.Pcr.GetProperty("pcr3_of_arn:aws:iam::123456789012:role/Webserver").GetString(),
            PcrValue.OfRole("arn:aws:iam::123456789012:role/Webserver").ToString());
        Assert.Equal(NsmVectors.Pcr.GetProperty("extend_zero_with_empty").GetString(), PcrValue.Zero.Extend([]).ToString());
    }

    /// <summary>Builds the request that a vector's name describes, such as "ExtendPCR index=16 data=010203".</summary>
    static NsmRequest RequestOf(string name)
    {
        var words = name.Split(' ');
        string Argument(string key) => words.Single(word => word.StartsWith(key + "=", StringComparison.Ordinal))[(key.Length + 1)..];
        int Number(string key) => int.Parse(Argument(key), System.Globalization.CultureInfo.InvariantCulture);
        return words[0] switch
        {
            "DescribeNSM" => NsmRequest.DescribeNsm(),
            "GetRandom" => NsmRequest.GetRandom(),
            "DescribePCR" => NsmRequest.DescribePcr(Number("index")),
            "ExtendPCR" => NsmRequest.ExtendPcr(Number("index"), Convert.FromHexString(Argument("data"))),
            "LockPCR" => NsmRequest.LockPcr(Number("index")),
            "LockPCRs" => NsmRequest.LockPcrs(Number("range")),
            _ => NsmRequest.ForAttestation(name switch
            {
                "Attestation none" => default,
                "Attestation user_data=hello" => new AttestationRequest { UserData = "hello"u8 },
                "Attestation nonce=00..0f" => new AttestationRequest { Nonce = Enumerable.Range(0, 16).Select(i => (byte)i).ToArray() },
                "Attestation user_data=empty nonce=empty public_key=empty" => new AttestationRequest { UserData = [], Nonce = [], PublicKey = [] },
                "Attestation all=1024x80 (nsm-check)" => new AttestationRequest { UserData = Eighties, Nonce = Eighties, PublicKey = Eighties },
                _ => throw new ArgumentException($"The vector {name} is new.", nameof(name)),
            }),
        };
    }

    static NsmResponse ResponseOf(string name) => name switch
    {
        "LockPCR" => NsmResponse.LockPcr(),
        "LockPCRs" => NsmResponse.LockPcrs(),
        "DescribeNSM (order of nsm-api / real hardware)" => NsmResponse.DescribeNsm(Description("i-00c89f181802cdef4-enc0175cd0dcee36866")),
        "DescribeNSM (order of QEMU)" => NsmResponse.DescribeNsm(Description("i-234-enc5678")),
        "DescribePCR unlocked zero (order of nsm-api)" => NsmResponse.DescribePcr(new byte[48], isLocked: false),
        "DescribePCR locked zero (order of QEMU)" => NsmResponse.DescribePcr(new byte[48], isLocked: true),
        "ExtendPCR after first extend of a zero PCR with 010203" => NsmResponse.ExtendPcr(PcrValue.Zero.Extend([1, 2, 3]).Bytes.ToArray()),
        "GetRandom 256 x 0xab" => NsmResponse.GetRandom(Enumerable.Repeat((byte)0xAB, 256).ToArray()),
        "Attestation document=d28443 (truncated toy)" => NsmResponse.Attestation(new byte[] { 0xD2, 0x84, 0x43 }),
        _ when name.StartsWith("Error ", StringComparison.Ordinal) => NsmResponse.Error(Enum.Parse<NsmErrorCode>(name[6..])),
        _ => throw new ArgumentException($"The vector {name} is new.", nameof(name)),
    };

    static NsmDescription Description(string moduleId) => new()
    {
        Version = new Version(1, 0, 0),
        ModuleId = moduleId,
        MaxPcrs = 32,
        LockedPcrs = [.. Enumerable.Range(0, 16)],
    };

    static NsmKeyOrder OrderOf(string name) => name.EndsWith("(order of QEMU)", StringComparison.Ordinal) ? NsmKeyOrder.Qemu : NsmKeyOrder.Hardware;

    static byte[] Eighties => [.. Enumerable.Repeat((byte)0x80, 1024)];
}
