using System.Text.Json.Serialization;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// When an enclave is started again after its end, how often, and after which pause. The pause doubles with each start in a row, up to
/// <see cref="LongestDelay"/>; an enclave that ran for <see cref="StableAfter"/> begins a new row.
/// </summary>
public sealed record RestartPolicy
{
    /// <summary>The longest pause before a start.</summary>
    public static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(1);

    /// <summary>How long an enclave must have run for its earlier ends to be forgotten.</summary>
    public static readonly TimeSpan StableAfter = TimeSpan.FromMinutes(1);

    /// <summary>The most starts in a row that may be asked for.</summary>
    public const int MaximumLimit = 1_000_000;

    /// <summary>After which ends.</summary>
    public RestartMode Mode { get; init; }

    /// <summary>How many starts in a row are tried, 1 to <see cref="MaximumLimit"/>.</summary>
    public int Limit { get; init; } = 10;

    /// <summary>The pause before the first start of a row, 0 to <see cref="LongestDelay"/>.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Whether ends lead to a new start at all.</summary>
    [JsonIgnore]
    public bool Restarts => Mode != RestartMode.No;

    /// <summary>Reads a mode as the command line and the configuration file write it: <c>no</c>, <c>on-failure</c> or <c>always</c>.</summary>
    /// <exception cref="EnclaveException">It is none (<see cref="EnclaveFailure.InvalidArgument"/>).</exception>
    public static RestartMode ParseMode(string text) => text switch
    {
        "no" => RestartMode.No,
        "on-failure" => RestartMode.OnFailure,
        "always" => RestartMode.Always,
        _ => throw new EnclaveException(EnclaveFailure.InvalidArgument, $"\"{text}\" is no restart policy: no, on-failure and always are."),
    };

    /// <summary>Reads a pause in seconds.</summary>
    /// <exception cref="EnclaveException">It is negative, no number, or too long (<see cref="EnclaveFailure.InvalidArgument"/>).</exception>
    public static TimeSpan ParseDelay(double seconds) => seconds >= 0 && seconds <= LongestDelay.TotalSeconds
        ? TimeSpan.FromSeconds(seconds)
        : throw new EnclaveException(EnclaveFailure.InvalidArgument, $"The pause before a restart is 0 to {LongestDelay.TotalSeconds} seconds, not {seconds}.");

    /// <summary>This policy, with what is given in the place of its own.</summary>
    /// <param name="mode">After which ends, as <see cref="ParseMode"/> reads it; null for this policy's.</param>
    /// <param name="limit">How many starts in a row; null for this policy's.</param>
    /// <param name="delay">The pause before the first of them, in seconds; null for this policy's.</param>
    /// <exception cref="EnclaveException">The mode is none, or the pause is out of range (<see cref="EnclaveFailure.InvalidArgument"/>).</exception>
    public RestartPolicy With(string? mode, int? limit, double? delay) => new()
    {
        Mode = mode is null ? Mode : ParseMode(mode),
        Limit = limit ?? Limit,
        Delay = delay is { } seconds ? ParseDelay(seconds) : Delay,
    };

    internal void Validate()
    {
        if (!Enum.IsDefined(Mode) || Limit is < 1 or > MaximumLimit)
        {
            throw new EnclaveException(EnclaveFailure.InvalidArgument, $"An enclave is restarted 1 to {MaximumLimit} times in a row, not {Limit} times.");
        }

        ParseDelay(Delay.TotalSeconds);
    }

    internal bool Covers(EnclaveEnd end) => end.Kind != EnclaveEndKind.Terminated && Mode switch
    {
        RestartMode.Always => true,
        RestartMode.OnFailure => end is not { Kind: EnclaveEndKind.Exited, Status: 0 },
        _ => false,
    };
}
