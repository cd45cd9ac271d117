namespace NitroEnclaves.Images.Tests;

/// <summary>A clock that stands still.</summary>
sealed class FixedTime(DateTimeOffset now) : TimeProvider
{
    /// <summary>A time at which the golden certificates (but for the expired one) are valid.</summary>
    public static FixedTime OfVectors { get; } = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public override DateTimeOffset GetUtcNow() => now;
}
