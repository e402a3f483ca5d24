/**
 * How fast a figure grows, when it also has steps of a known cause: least squares with one slope for all points
 * and a height of its own for each group (analysis of covariance).
 */

/**
 * @param {[number, number, string][]} points time, figure, and the group whose height it has
 * @returns {{ by: number, error: number, groups: number }} growth in a unit of time, and its standard error
 */
export function slope(points) {
  const groups = new Map();
  for (const point of points) groups.set(point[2], [...(groups.get(point[2]) ?? []), point]);
  let [xx, xy, yy] = [0, 0, 0];
  for (const members of groups.values()) {
    const mean = (at) => members.reduce((sum, point) => sum + point[at], 0) / members.length;
    const [x, y] = [mean(0), mean(1)];
    for (const point of members) {
      xx += (point[0] - x) ** 2;
      xy += (point[0] - x) * (point[1] - y);
      yy += (point[1] - y) ** 2;
    }
  }
  const by = xy / xx;
  const free = points.length - groups.size - 1;
  return { by, error: Math.sqrt(Math.max(0, yy - by * xy) / free / xx), groups: groups.size };
}
