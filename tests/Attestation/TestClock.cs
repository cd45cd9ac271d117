namespace NitroEnclaves.Attestation.Tests;

/// <summary>A clock that stands where a test puts it.</summary>
sealed class TestClock(DateTimeOffset now) : TimeProvider
{
    public static DateTimeOffset Noon { get; } = new(2026, 3, 4, 12, 0, 0, 250, TimeSpan.Zero);

    public TestClock()
        : this(Noon)
    {
    }

    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
