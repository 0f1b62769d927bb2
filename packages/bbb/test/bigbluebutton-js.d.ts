/** The parts of the client that the tests use; the package brings no types. */
declare module 'bigbluebutton-js' {
  type Parameters = Record<string, unknown>;
  interface Api {
    administration: {
      create(name: string, id: string, parameters?: Parameters): string;
      join(fullName: string, meetingID: string, password: string, parameters?: Parameters): string;
      end(meetingID: string, password: string): string;
    };
    monitoring: {
      getMeetingInfo(meetingID: string): string;
      isMeetingRunning(meetingID: string): string;
      getMeetings(): string;
    };
    recording: { getRecordings(parameters?: Parameters): string };
  }
  const client: {
    api(host: string, secret: string): Api;
    http(url: string): Promise<unknown>;
  };
  export default client;
}
