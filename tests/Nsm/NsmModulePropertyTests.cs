using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Nsm.Tests;

/// <summary>The software NSM against a naive one, and against bytes that nobody meant.</summary>
public sealed class NsmModulePropertyTests
{
    static readonly Gen<byte[]> Bytes = ArbMap.Default.GeneratorFor<byte[]>();

    // Registers around the borders come up often; some do not exist.
    static readonly Gen<int> Number = Gen.OneOf(Gen.Choose(14, 18), Gen.Choose(16, 31), Gen.Choose(0, 34), Gen.Elements(255, 256, 65535));

    static readonly Gen<ModelStep> AnyStep = Gen.Frequency(
        (1, Gen.Constant(new ModelStep(NsmOperation.DescribeNsm, 0, []))),
        (4, Number.Select(number => new ModelStep(NsmOperation.DescribePcr, number, []))),
        (6, Number.SelectMany(number => Bytes.Select(data => new ModelStep(NsmOperation.ExtendPcr, number, data)))),
        (2, Number.Select(number => new ModelStep(NsmOperation.LockPcr, number, []))),
        (1, Gen.Choose(0, 34).Select(number => new ModelStep(NsmOperation.LockPcrs, number % 5 == 0 ? number : number % 20, []))));

    [Fact]
    public void Any_sequence_of_requests_is_answered_as_the_naive_NSM_does()
    {
        Prop.ForAll(AnyStep.ListOf().ToArbitrary(), steps =>
        {
            var signer = new RecordingSigner();
            var module = TestModule.Create(signer);
            var naive = new NaiveNsm();
            foreach (var step in steps)
            {
                Assert.Equal(naive.Answer(step), Convert.ToHexStringLower(module.Exchange(Encode(step))));
            }

            module.Exchange(NsmVectors.Request("Attestation none"));
            Assert.Equal(naive.Locked, Assert.Single(signer.Contents).Pcrs.ToDictionary(pcr => pcr.Key, pcr => pcr.Value.ToString()));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(400).WithEndSize(80).WithReplay(20260102, 3));
    }

    [Fact]
    public void Mutated_requests_are_answered_and_never_throw()
    {
        var requests = NsmVectors.RequestNames.Select(NsmVectors.Request).ToArray();
        Prop.ForAll(Mutation.Of(requests).ToArbitrary(), request => Survives(request)).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000).WithReplay(20260102, 5));
    }

    [Fact]
    public void Arbitrary_bytes_are_answered_and_never_throw() =>
        Prop.ForAll(Bytes.ToArbitrary(), request => Survives(request)).Check(Config.QuickThrowOnFailure.WithMaxTest(5_000).WithReplay(20260102, 7));

    static void Survives(byte[] request)
    {
        var module = TestModule.Create();
        var response = module.Exchange(request.AsSpan());
        Assert.True(NsmResponse.TryDecode(response, out var decoded));
        Assert.True(!decoded.IsError || decoded.ErrorCode is NsmErrorCode.InvalidOperation or NsmErrorCode.InvalidIndex
            or NsmErrorCode.ReadOnlyIndex or NsmErrorCode.InputTooLarge);

        // The registers of the platform are what they were, whatever came in.
        var client = new NsmClient(module);
        for (var index = 0; index < Pcr.FirstUnlocked; index++)
        {
            Assert.Equal(new PcrDescription(PcrValue.Zero, true), client.DescribePcr(index));
        }
    }

    static byte[] Encode(ModelStep step)
    {
        var request = step.Operation switch
        {
            NsmOperation.DescribeNsm => NsmRequest.DescribeNsm(),
            NsmOperation.DescribePcr => NsmRequest.DescribePcr(step.Number),
            NsmOperation.ExtendPcr => NsmRequest.ExtendPcr(step.Number, step.Data),
            NsmOperation.LockPcr => NsmRequest.LockPcr(step.Number),
            _ => NsmRequest.LockPcrs(step.Number),
        };
        var buffer = new byte[NsmLimits.MaxRequestLength];
        return buffer[..request.Encode(buffer)];
    }
}
