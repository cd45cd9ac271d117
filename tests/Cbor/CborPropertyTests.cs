using System.Formats.Cbor;
using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Cbor.Tests;

/// <summary>System.Formats.Cbor as oracle, on generated and on damaged documents.</summary>
public sealed class CborPropertyTests
{
    static Config Fixed { get; } = Config.QuickThrowOnFailure.WithMaxTest(4000).WithEndSize(120).WithReplay(8949, 43);

    [Fact]
    public void Well_formed_documents_read_as_the_oracle_reads_them() =>
        Check.One(Fixed, Prop.ForAll(CborDocuments.Item.ToArbitrary(), data => CborTranscript.Of(data) == CborOracle.Transcribe(data)));

    [Fact]
    public void Damaged_documents_are_refused_exactly_when_the_oracle_refuses_them() =>
        Check.One(Fixed, Prop.ForAll(CborDocuments.Hostile.ToArbitrary(), data =>
        {
            var (ours, error) = TryTranscribe(data);
            return error is CborError.DepthExceeded || ours == TryOracle(data);
        }));

    [Fact]
    public void Skipping_agrees_with_reading_item_by_item() =>
        Check.One(Fixed, Prop.ForAll(CborDocuments.Hostile.ToArbitrary(), data => TrySkip(data) == TryTranscribe(data).Error));

    [Fact]
    public void Forms_are_noticed_as_the_canonical_oracle_notices_them() =>
        Check.One(Fixed, Prop.ForAll(CborDocuments.Item.ToArbitrary(), data =>
        {
            var reader = new CborReader(data);
            reader.SkipValue();

            // The oracle's Canonical mode wants sorted unique keys too, and the shortest floats; those documents say nothing here.
            return IsCanonical(data) is not { } canonical
                || canonical == (reader.IsShortestFormThroughout && !reader.HasIndefiniteLength);
        }));

    static (string? Transcript, CborError? Error) TryTranscribe(byte[] data)
    {
        try
        {
            return (CborTranscript.Of(data), null);
        }
        catch (CborException exception)
        {
            return (null, exception.Error);
        }
    }

    static CborError? TrySkip(byte[] data)
    {
        try
        {
            var reader = new CborReader(data);
            reader.SkipValue();
            reader.ReadEndOfData();
            return null;
        }
        catch (CborException exception)
        {
            return exception.Error;
        }
    }

    static string? TryOracle(byte[] data)
    {
        try
        {
            return CborOracle.Transcribe(data);
        }
        catch (CborContentException)
        {
            return null;
        }
        catch (InvalidOperationException) when (data.Any(initial => initial is 0xFC or 0xFD or 0xFE))
        {
            // The oracle takes reserved simple values for misuse by its caller.
            return null;
        }
    }

    /// <summary>Whether heads are shortest and lengths definite; null for documents that the oracle refuses for other reasons.</summary>
    static bool? IsCanonical(byte[] data)
    {
        if (data.Any(initial => initial is 0xF9 or 0xFA or 0xFB) || data.Any(initial => initial >> 5 is 5 or 6))
        {
            return null;
        }

        try
        {
            var oracle = new System.Formats.Cbor.CborReader(data, CborConformanceMode.Canonical);
            oracle.SkipValue();
            return true;
        }
        catch (CborContentException)
        {
            return false;
        }
    }
}
