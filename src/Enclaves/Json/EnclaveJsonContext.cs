using System.Text.Json.Serialization;

namespace NitroEnclaves.Enclaves;

/// <summary>The JSON of this library, made at build time so that a trimmed program has it.</summary>
[JsonSourceGenerationOptions(
    UseStringEnumConverter = true, WriteIndented = true, NewLine = "\n", DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EnclaveEntry))]
[JsonSerializable(typeof(EnclaveRunInfo))]
[JsonSerializable(typeof(EnclaveDescription))]
[JsonSerializable(typeof(IReadOnlyList<EnclaveDescription>))]
[JsonSerializable(typeof(EnclaveTermination))]
[JsonSerializable(typeof(IReadOnlyList<EnclaveTermination>))]
[JsonSerializable(typeof(EnclaveEnd))]
[JsonSerializable(typeof(EnclaveStatistics))]
[JsonSerializable(typeof(EnclaveEntrance))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(RootFolder))]
[JsonSerializable(typeof(LaunchFailure))]
[JsonSerializable(typeof(RunEnclaveConfiguration))]
sealed partial class EnclaveJsonContext : JsonSerializerContext;
